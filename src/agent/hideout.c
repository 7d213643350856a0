#include "agent/hideout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/platform.h"

#define DIRECTORY_PREFIX "agent-"

enum kind { KIND_UNDECIDED, KIND_HIDDEN, KIND_NAMED };

struct hideout {
	enum kind kind;
	const char *why_not;
	char *parent;
	/* Of a named directory, locked while this guard lives; of a hidden one, open until the
	 * socket is claimed, because whoever is in it when an agent starts can take hold of its
	 * socket. -1: none. */
	int directory_fd;
	char *directory; /* its path; NULL: hidden, or none yet */
	int socket_fd;   /* of a hidden one: our hold of it */
	char *address;
};

static void directory_remove(int parent_fd, const char *name) {
	CLEANUP(close_fd)
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* A guard that lives holds the lock on its own. */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	unlinkat(fd, HIDEOUT_SOCKET, 0);
	unlinkat(parent_fd, name, AT_REMOVEDIR);
}

static void directories_clear(int parent_fd) {
	int fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (directory == NULL) {
		close_fd(&fd);
		return;
	}
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
		if (strncmp(entry->d_name, DIRECTORY_PREFIX, strlen(DIRECTORY_PREFIX)) == 0)
			directory_remove(parent_fd, entry->d_name);
	closedir(directory);
}

/* Opens the parent, and locks it: between the making of a directory and the lock on that, nobody
 * may clear it away. */
static int parent_open(const struct hideout *hideout) {
	CLEANUP(close_fd) int fd = open(hideout->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -errno;
	directories_clear(fd);
	return take_fd(&fd);
}

static int named_make(struct hideout *hideout) {
	CLEANUP(close_fd) int parent_fd = -1;

	close_fd(&hideout->directory_fd);
	free_pointer(&hideout->directory);
	parent_fd = parent_open(hideout);
	if (parent_fd < 0)
		return take_fd(&parent_fd);
	if (asprintf(&hideout->directory, "%s/" DIRECTORY_PREFIX "XXXXXX", hideout->parent) < 0) {
		hideout->directory = NULL;
		return -ENOMEM;
	}
	if (mkdtemp(hideout->directory) == NULL) {
		free_pointer(&hideout->directory);
		return -errno;
	}
	hideout->directory_fd = open(hideout->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hideout->directory_fd < 0 || flock(hideout->directory_fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return 0;
}

/* Whether what lies at its path still is the directory that we made. */
static bool named_in_place(const struct hideout *hideout) {
	struct stat made, named;

	return hideout->directory != NULL && fstat(hideout->directory_fd, &made) == 0 &&
	       lstat(hideout->directory, &named) == 0 && made.st_dev == named.st_dev &&
	       made.st_ino == named.st_ino;
}

static int named_prepare(struct hideout *hideout) {
	int error = named_in_place(hideout) ? 0 : named_make(hideout);

	if (error == 0)
		unlinkat(hideout->directory_fd, HIDEOUT_SOCKET, 0); /* of one that was killed */
	return error;
}

static const char *reason_of(int error) {
	switch (error) {
	case -EXDEV:
		return "the guard runs in a user namespace that belongs to its own user (as "
		       "unshare, "
		       "rootless containers and PrivateUsers= of systemd make)";
	case -ENOSYS: return "this kernel has no detached mounts";
	default: return "the system lets us make no user namespace with a mount of our own";
	}
}

/* A new one for each agent: what the agent starts, such as an askpass program, inherits its working
 * directory, and others may get into it that way. */
static int hidden_prepare(struct hideout *hideout) {
	int fd = -1;
	int error = platform_hidden_directory(&fd);

	if (error < 0)
		return error;
	close_fd(&hideout->directory_fd);
	hideout->directory_fd = fd;
	hideout->kind = KIND_HIDDEN;
	return 0;
}

int hideout_prepare(struct hideout *hideout) {
	int error = 0;

	close_fd(&hideout->socket_fd);
	free_pointer(&hideout->address);
	if (hideout->kind != KIND_NAMED)
		error = hidden_prepare(hideout);
	/* Otherwise whoever can disturb us while we make a hidden one would get a named one. */
	if (hideout->kind == KIND_HIDDEN)
		return error;
	if (hideout->kind == KIND_UNDECIDED)
		hideout->why_not = reason_of(error);
	hideout->kind = KIND_NAMED;
	return named_prepare(hideout);
}

int hideout_enter(const struct hideout *hideout) {
	return fchdir(hideout->directory_fd) < 0 ? -errno : 0;
}

static int hidden_claim(struct hideout *hideout) {
	int error = platform_take_socket(&hideout->socket_fd, &hideout->address,
	                                 hideout->directory_fd, HIDEOUT_SOCKET);

	if (error == 0)
		close_fd(&hideout->directory_fd);
	return error;
}

int hideout_claim(struct hideout *hideout) {
	switch (hideout->kind) {
	case KIND_HIDDEN: return hidden_claim(hideout);
	case KIND_NAMED:
		if (asprintf(&hideout->address, "%s/" HIDEOUT_SOCKET, hideout->directory) >= 0)
			return 0;
		hideout->address = NULL;
		return -ENOMEM;
	case KIND_UNDECIDED: break;
	}
	return -EINVAL;
}

int hideout_listen(struct hideout *hideout, int *ret_fd) {
	CLEANUP(close_fd) int fd = -1;
	int error = platform_listen_in(&fd, hideout->directory_fd, HIDEOUT_SOCKET);

	if (error == 0)
		error = hideout_claim(hideout);
	if (error == 0)
		*ret_fd = take_fd(&fd);
	return error;
}

const char *hideout_address(const struct hideout *hideout) {
	return hideout->address != NULL ? hideout->address : "";
}

bool hideout_is_hidden(const struct hideout *hideout) {
	return hideout->kind == KIND_HIDDEN;
}

const char *hideout_why_not(const struct hideout *hideout) {
	return hideout->why_not;
}

bool hideout_is_lost(const struct hideout *hideout) {
	struct stat status;

	return hideout->kind == KIND_NAMED && hideout->address != NULL &&
	       lstat(hideout->address, &status) < 0 && errno == ENOENT;
}

int hideout_new(struct hideout **ret, const char *parent) {
	CLEANUP(close_fd) int parent_fd = -1;
	struct hideout *hideout = calloc(1, sizeof(*hideout));

	if (hideout == NULL)
		return -ENOMEM;
	hideout->directory_fd = hideout->socket_fd = -1;
	hideout->parent = strdup(parent);
	parent_fd = hideout->parent != NULL ? parent_open(hideout) : -ENOMEM;
	if (parent_fd < 0) {
		hideout_free(hideout);
		return take_fd(&parent_fd);
	}
	*ret = hideout;
	return 0;
}

void hideout_free(struct hideout *hideout) {
	if (hideout == NULL)
		return;
	if (hideout->directory != NULL) {
		unlinkat(hideout->directory_fd, HIDEOUT_SOCKET, 0);
		rmdir(hideout->directory);
	}
	close_fd(&hideout->directory_fd);
	close_fd(&hideout->socket_fd);
	free(hideout->directory);
	free(hideout->parent);
	free(hideout->address);
	free(hideout);
}
