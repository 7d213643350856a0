#include "agent/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/local.h"
#include "base/diag.h"
#include "base/file.h"
#include "platform/platform.h"

#define TAKE_BACK_MAX 5      /* in a row; whoever goes on after that only wants to keep us busy */
#define NEW_SUFFIX    ".new" /* the socket's name until it listens */
#define LOCK_NAME     "%s.lock"

struct above {
	char *path;
	ev_stat watch;
};

struct listener {
	struct ev_loop *loop;
	struct listener_calls calls;
	char *path;
	char *directory_path;
	const char *name; /* the last part of path */
	int dir_fd;
	int lock_fd;
	int fd;          /* -1 while not listening */
	mode_t mode;     /* of the socket */
	struct stat own; /* of our socket's name: device and inode tell it from another's */
	ev_io acceptable;
	ev_timer retry;
	ev_stat place, directory; /* libev sees a moved directory only by itself */
	struct above *above;      /* those above it, which can be moved, too */
	size_t n_above;
	ev_timer take_back;
	unsigned taken_back; /* in a row */
};

__attribute__((format(printf, 2, 3))) static void say(char **ret_why, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(ret_why, format, arguments) < 0)
		*ret_why = NULL;
	va_end(arguments);
}

int lock_file(int *ret_fd, int dir_fd, const char *name) {
	CLEANUP(close_fd)
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int listener_claim(struct listener *listener, char **ret_why) {
	char lock[NAME_MAX + 1];
	struct stat status;
	int error;

	if (snprintf(lock, sizeof(lock), LOCK_NAME, listener->name) >= (int)sizeof(lock))
		return -ENAMETOOLONG;
	error = lock_file(&listener->lock_fd, listener->dir_fd, lock);
	if (error == -EADDRINUSE)
		say(ret_why, "another ssh-agent-guard serves it (see `ssh-agent-guard status`)");
	if (error < 0)
		return error;
	if (fstatat(listener->dir_fd, listener->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode)) {
		say(ret_why, "something that is no socket lies there (remove it)");
		return -EEXIST;
	}
	error = local_try(listener->path);
	if (error == -EADDRINUSE)
		say(ret_why, "a live agent listens there (end it, or choose another --listen)");
	return error;
}

static int listener_open_directory(struct listener *listener, char **ret_why) {
	CLEANUP(free_pointer) char *bad = NULL;
	struct sockaddr_un address;
	int error = local_address(&address, listener->path, strlen(NEW_SUFFIX));

	if (error < 0) {
		say(ret_why, "the path has more than %zu bytes",
		    sizeof(address.sun_path) - sizeof(NEW_SUFFIX));
		return error;
	}
	error = directory_check(&listener->dir_fd, &bad, listener->directory_path);
	if (error == -EPERM)
		say(ret_why, "%s belongs to somebody else (choose a directory of your own)", bad);
	else if (error == -EACCES)
		say(ret_why, "%s can be written by others (chmod go-w it)", bad);
	return error;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int revents);
static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents);
static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents);
static void on_take_back(struct ev_loop *loop, ev_timer *watcher, int revents);

static int listener_set_path(struct listener *listener, const char *path) {
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash[1] == '\0')
		return -EINVAL;
	listener->path = strdup(path);
	listener->directory_path = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (listener->path == NULL || listener->directory_path == NULL)
		return -ENOMEM;
	listener->name = listener->path + (slash - path) + 1;
	return 0;
}

static void listener_watch(struct listener *listener) {
	ev_init(&listener->acceptable, on_acceptable);
	ev_init(&listener->retry, on_retry);
	ev_init(&listener->take_back, on_take_back);
	ev_stat_init(&listener->place, on_place, listener->path, 0.);
	ev_stat_init(&listener->directory, on_place, listener->directory_path, 0.);
	listener->acceptable.data = listener->retry.data = listener;
	listener->place.data = listener->directory.data = listener->take_back.data = listener;
}

/* Whether somebody of our uid can move it: its parent is ours. Those at the top never move. */
static bool can_be_moved(const char *path) {
	CLEANUP(free_pointer) char *parent = strdup(path);
	char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
	struct stat status;

	if (slash == NULL || slash == parent)
		return false;
	*slash = '\0';
	return stat(parent, &status) == 0 && status.st_uid == geteuid();
}

static int listener_watch_above(struct listener *listener) {
	const char *path = listener->directory_path;

	listener->above = calloc(strlen(path), sizeof(*listener->above));
	if (listener->above == NULL)
		return -ENOMEM;
	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		struct above *above = &listener->above[listener->n_above];

		above->path = strndup(path, (size_t)(slash - path));
		if (above->path == NULL)
			return -ENOMEM;
		ev_stat_init(&above->watch, on_place, above->path, 0.);
		above->watch.data = listener;
		if (can_be_moved(above->path))
			listener->n_above++;
		else
			free_pointer(&above->path);
	}
	return 0;
}

int listener_new(struct listener **ret, char **ret_why, struct ev_loop *loop, const char *path,
                 const struct listener_calls *calls) {
	struct listener *listener = calloc(1, sizeof(*listener));
	int error;

	if (listener == NULL)
		return -ENOMEM;
	*listener = (struct listener){
		.loop = loop, .calls = *calls, .dir_fd = -1, .lock_fd = -1, .fd = -1, .mode = 0600};
	error = listener_set_path(listener, path);
	listener_watch(listener);
	if (error == 0)
		error = listener_open_directory(listener, ret_why);
	if (error == 0)
		error = listener_claim(listener, ret_why);
	if (error == 0)
		error = listener_watch_above(listener);
	if (error < 0) {
		listener_free(listener);
		return error;
	}
	*ret = listener;
	return 0;
}

void listener_set_mode(struct listener *listener, mode_t mode) {
	listener->mode = mode;
}

/* Moves the new socket into place in one step. A directory cannot be replaced like that, so it is
 * moved aside. */
static int listener_rename(const struct listener *listener, const char *temporary) {
	char aside[NAME_MAX + 1];

	if (renameat(listener->dir_fd, temporary, listener->dir_fd, listener->name) == 0)
		return 0;
	if (errno != EISDIR ||
	    snprintf(aside, sizeof(aside), "%s.displaced", listener->name) >= (int)sizeof(aside))
		return -errno;
	if (renameat(listener->dir_fd, listener->name, listener->dir_fd, aside) < 0 ||
	    renameat(listener->dir_fd, temporary, listener->dir_fd, listener->name) < 0)
		return -errno;
	return 0;
}

/* Binds to a name of its own and moves that into place, so that the socket is never to be seen
 * before it listens and is private. */
static int listener_bind(struct listener *listener) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address;
	const char *temporary;
	struct stat status = {0};
	int error = platform_socket(&fd, false);

	if (error == 0)
		error = platform_identify_writers(fd);
	if (error == 0)
		error = local_address(&address, listener->path, strlen(NEW_SUFFIX));
	if (error < 0)
		return error;
	strcat(address.sun_path, NEW_SUFFIX);
	temporary = address.sun_path + (listener->name - listener->path);
	unlinkat(listener->dir_fd, temporary, 0);
	error = local_bind(fd, &address, listener->mode);
	if (error == 0 && listen(fd, LISTEN_BACKLOG) < 0)
		error = -errno;
	/* By that name there might be another one by now, which would then pass for ours for ever.
	 */
	if (error == 0)
		error = platform_own_listener(&status, listener->dir_fd, temporary);
	if (error == 0)
		error = listener_rename(listener, temporary);
	if (error < 0) {
		unlinkat(listener->dir_fd, temporary, 0);
		return error;
	}
	close_fd(&listener->fd);
	listener->fd = take_fd(&fd);
	listener->own = status;
	return 0;
}

static bool listener_in_place(const struct listener *listener) {
	struct stat status;

	/* By the path that clients use, not only below our descriptor: the directory itself may
	 * have been moved away. */
	return lstat(listener->path, &status) == 0 && status.st_dev == listener->own.st_dev &&
	       status.st_ino == listener->own.st_ino;
}

static void listener_accept_from(struct listener *listener) {
	ev_io_stop(listener->loop, &listener->acceptable);
	ev_io_set(&listener->acceptable, listener->fd, EV_READ);
	ev_io_start(listener->loop, &listener->acceptable);
}

/* Who came in between the binding and the watching is seen, too: a watch tells only of what differs
 * from its own beginning. */
static void listener_watch_place(struct listener *listener) {
	ev_stat_start(listener->loop, &listener->place);
	if (!listener_in_place(listener))
		ev_feed_event(listener->loop, &listener->place, EV_STAT);
}

int listener_start(struct listener *listener) {
	int error = listener_bind(listener);

	if (error < 0)
		return error;
	listener_accept_from(listener);
	listener_watch_place(listener);
	ev_stat_start(listener->loop, &listener->directory);
	for (size_t i = 0; i < listener->n_above; i++)
		ev_stat_start(listener->loop, &listener->above[i].watch);
	return 0;
}

static void listener_pause(struct listener *listener, int error) {
	ev_io_stop(listener->loop, &listener->acceptable);
	listener->calls.paused(listener->calls.data, error);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct listener *listener = watcher->data;

	(void)loop, (void)revents;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = -1;
		int error = platform_accept(&fd, listener->fd);

		if (error == -EAGAIN || error == -EINTR || error == -ECONNABORTED)
			return;
		/* The whole system may be short of descriptors: then none of ours comes back. */
		if (error < 0) {
			ev_timer_set(&listener->retry, ACCEPT_RETRY_S, 0.);
			ev_timer_start(listener->loop, &listener->retry);
		} else {
			error = listener->calls.accepted(listener->calls.data, fd);
		}
		if (error < 0) {
			listener_pause(listener, error);
			return;
		}
	}
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	listener_resume(watcher->data);
}

void listener_resume(struct listener *listener) {
	ev_timer_stop(listener->loop, &listener->retry);
	if (listener->fd >= 0)
		ev_io_start(listener->loop, &listener->acceptable);
}

/* Whoever had connected to the old socket already is served first. */
static void listener_drain(struct listener *listener) {
	if (listener->fd >= 0)
		on_acceptable(listener->loop, &listener->acceptable, EV_READ);
}

/* The directory itself may be another one by now. */
static int listener_reopen_directory(struct listener *listener) {
	CLEANUP(free_pointer) char *bad = NULL;
	int fd = -1;
	int error = directory_check(&fd, &bad, listener->directory_path);

	if (error < 0)
		return error;
	close_fd(&listener->dir_fd);
	listener->dir_fd = fd;
	return 0;
}

/* Who is logged out for a day waits no longer for it afterwards than who comes back at once. */
static double take_back_after_s(unsigned times) {
	double after_s = TAKE_BACK_S * times;

	return after_s < TAKE_BACK_LAST_S ? after_s : TAKE_BACK_LAST_S;
}

static void listener_take_back(struct listener *listener) {
	int error;

	ev_stat_stop(listener->loop, &listener->place);
	ev_stat_stop(listener->loop, &listener->directory); /* which may be the one that went */
	ev_stat_start(listener->loop, &listener->directory);
	listener_drain(listener);
	error = listener_reopen_directory(listener);
	if (error == 0)
		error = listener_bind(listener);
	if (error == 0) {
		listener_accept_from(listener);
		if (!listener_in_place(listener))
			error = -ESTALE;
	}
	listener->taken_back++;
	ev_timer_set(&listener->take_back, take_back_after_s(listener->taken_back), 0.);
	if (error < 0 || listener->taken_back >= TAKE_BACK_MAX)
		ev_timer_start(listener->loop, &listener->take_back);
	listener_watch_place(listener);
	listener->calls.replaced(listener->calls.data, error);
}

void listener_look(struct listener *listener) {
	if (listener->fd < 0 || listener_in_place(listener) || ev_is_active(&listener->take_back))
		return;
	listener_take_back(listener);
}

static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	listener_look(watcher->data);
}

static void on_take_back(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct listener *listener = watcher->data;

	(void)loop, (void)revents;
	if (listener_in_place(listener))
		listener->taken_back = 0;
	else
		listener_take_back(listener);
}

static void listener_unwatch(struct listener *listener) {
	ev_timer_stop(listener->loop, &listener->take_back);
	ev_stat_stop(listener->loop, &listener->place);
	ev_stat_stop(listener->loop, &listener->directory);
	for (size_t i = 0; i < listener->n_above; i++) {
		ev_stat_stop(listener->loop, &listener->above[i].watch);
		free(listener->above[i].path);
	}
	listener->n_above = 0;
}

static void listener_remove(struct listener *listener) {
	if (listener->fd >= 0 && listener_in_place(listener))
		unlinkat(listener->dir_fd, listener->name, 0);
}

void listener_hide(struct listener *listener) {
	char lock[NAME_MAX + 1];

	listener_unwatch(listener);
	listener_remove(listener);
	/* The lock says who serves at this name, which is nobody from now on. */
	if (snprintf(lock, sizeof(lock), LOCK_NAME, listener->name) < (int)sizeof(lock))
		unlinkat(listener->dir_fd, lock, 0);
}

void listener_free(struct listener *listener) {
	if (listener == NULL)
		return;
	ev_io_stop(listener->loop, &listener->acceptable);
	ev_timer_stop(listener->loop, &listener->retry);
	listener_unwatch(listener);
	free(listener->above);
	listener_remove(listener);
	close_fd(&listener->fd);
	close_fd(&listener->lock_fd);
	close_fd(&listener->dir_fd);
	free(listener->path);
	free(listener->directory_path);
	free(listener);
}
