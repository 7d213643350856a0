#include "agent/gpg_socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/gpg_conf.h"
#include "agent/local.h"
#include "base/file.h"
#include "platform/platform.h"

struct gpg_socket {
	char *path, *directory;
	int fd;          /* -1: not listening */
	struct stat own; /* of its name */
};

__attribute__((format(printf, 2, 3))) static void say(char **ret_why, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(ret_why, format, arguments) < 0)
		*ret_why = NULL;
	va_end(arguments);
}

static bool in_place(const struct gpg_socket *gpg) {
	struct stat status;

	return gpg->fd >= 0 && lstat(gpg->path, &status) == 0 && status.st_dev == gpg->own.st_dev &&
	       status.st_ino == gpg->own.st_ino;
}

static int check_directory(const struct gpg_socket *gpg, char **ret_why) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(free_pointer) char *bad = NULL;
	int error;

	/* gpg would make it, too. */
	if (mkdir(gpg->directory, 0700) < 0 && errno != EEXIST) {
		error = -errno;
		say(ret_why, "%s cannot be made: %s", gpg->directory, strerror(-error));
		return error;
	}
	error = directory_check(&fd, &bad, gpg->directory);
	if (error < 0)
		say(ret_why, "%s: %s", bad != NULL ? bad : gpg->directory,
		    error == -EPERM    ? "it belongs to somebody else"
		    : error == -EACCES ? "others can write to it (chmod go-w it)"
		                       : strerror(-error));
	return error;
}

/* What lies there and answers nobody is what another gpg-agent left behind. */
static int clear_place(const struct gpg_socket *gpg, char **ret_why) {
	struct stat status;
	int error;

	if (lstat(gpg->path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode)) {
		say(ret_why, "something that is no socket lies at %s (remove it)", gpg->path);
		return -EEXIST;
	}
	error = local_try(gpg->path);
	if (error == -EADDRINUSE)
		say(ret_why,
		    "another gpg-agent answers at %s (end it: gpgconf --kill gpg-agent; where "
		    "systemd listens for it: systemctl --user mask --now gpg-agent.socket "
		    "gpg-agent-ssh.socket)",
		    gpg->path);
	if (error < 0)
		return error;
	return unlink(gpg->path) < 0 && errno != ENOENT ? -errno : 0;
}

static int make(struct gpg_socket *gpg) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address;
	int error = local_address(&address, gpg->path, 0);

	if (error == 0)
		error = platform_socket(&fd, true);
	if (error == 0)
		error = local_bind(fd, &address, 0600);
	if (error == 0 && listen(fd, SOMAXCONN) < 0)
		error = -errno;
	if (error == 0 && lstat(gpg->path, &gpg->own) < 0)
		error = -errno;
	if (error == 0)
		gpg->fd = take_fd(&fd);
	return error;
}

int gpg_socket_listen(struct gpg_socket *gpg, char **ret_why) {
	int error;

	if (in_place(gpg))
		return 0;
	close_fd(&gpg->fd);
	error = check_directory(gpg, ret_why);
	if (error == 0)
		error = clear_place(gpg, ret_why);
	if (error == 0)
		error = make(gpg);
	if (error < 0 && *ret_why == NULL)
		say(ret_why, "%s: %s", gpg->path, strerror(-error));
	return error;
}

int gpg_socket_fd(const struct gpg_socket *gpg) {
	return gpg->fd;
}

int gpg_socket_new(struct gpg_socket **ret, char **ret_why, const char *gpgconf) {
	struct gpg_socket *gpg = calloc(1, sizeof(*gpg));
	int error;

	if (gpg == NULL)
		return -ENOMEM;
	gpg->fd = -1;
	error = gpg_conf_agent_socket(&gpg->path, gpgconf);
	if (error < 0) {
		say(ret_why, "%s does not say where gpg-agent listens: %s", gpgconf,
		    error == -EPROTO ? "its answer is no path (see `gpgconf --list-dirs`)"
		                     : strerror(-error));
	} else {
		gpg->directory = strndup(gpg->path, (size_t)(strrchr(gpg->path, '/') - gpg->path));
		error = gpg->directory != NULL ? gpg_socket_listen(gpg, ret_why) : -ENOMEM;
	}
	if (error < 0) {
		gpg_socket_free(gpg);
		return error;
	}
	*ret = gpg;
	return 0;
}

void gpg_socket_free(struct gpg_socket *gpg) {
	if (gpg == NULL)
		return;
	if (in_place(gpg))
		unlink(gpg->path);
	close_fd(&gpg->fd);
	free(gpg->path);
	free(gpg->directory);
	free(gpg);
}
