/*
 * What a path leads to is watched link by link, by kqueue. A kqueue is inherited by no child, so
 * the child that looks at the path opens all of it, and forks one more, the watcher, which keeps
 * those descriptors and waits. It lives until something changes or the watch is thrown away: each
 * holds one end of a pair of sockets, and what the watcher says, or its end, is what is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/platform.h"
#include "platform/walk.h"

#define PARTS_MAX 128 /* directories, links and the file; the system has a limit of 256 for all */

#define NOTE_MOVED (NOTE_RENAME | NOTE_DELETE | NOTE_REVOKE)
#define NOTE_OTHER (NOTE_MOVED | NOTE_ATTRIB | NOTE_LINK)
#define NOTE_FILE  (NOTE_OTHER | NOTE_WRITE | NOTE_EXTEND)

struct part {
	int fd;
	unsigned notes;
	dev_t device;
	ino_t inode;
};

struct parts {
	struct part items[PARTS_MAX];
	size_t count;
	size_t seen;     /* in the second walk */
	bool is_missing; /* the last one is the directory in which something may come to lie */
};

int platform_watch_new(int *ret_fd, int *ret_fill_fd) {
	int pair[2];
	int error = platform_message_pair(pair);

	if (error < 0)
		return error;
	*ret_fd = pair[0];
	*ret_fill_fd = pair[1];
	return 0;
}

static unsigned notes_for(const struct stat *status) {
	if (S_ISDIR(status->st_mode))
		return NOTE_MOVED; /* more would tell of all that lies in it */
	return S_ISLNK(status->st_mode) ? NOTE_OTHER : NOTE_FILE;
}

/* A link is opened itself, and nothing notices. */
static int add(struct stat *ret, const char *place, void *data) {
	struct parts *parts = data;
	CLEANUP(close_fd) int fd = -1;

	if (parts->count == PARTS_MAX)
		return -ENOSPC;
	fd = open(place, O_EVTONLY | O_SYMLINK | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret) < 0)
		return -errno;
	parts->items[parts->count++] = (struct part){.fd = take_fd(&fd),
	                                             .notes = notes_for(ret),
	                                             .device = ret->st_dev,
	                                             .inode = ret->st_ino};
	return 0;
}

/* Whether the way is the one that was opened, now that it is watched. */
static int compare(struct stat *ret, const char *place, void *data) {
	struct parts *parts = data;
	const struct part *part = &parts->items[parts->seen];

	if (parts->seen == parts->count)
		return -ESTALE;
	if (lstat(place, ret) < 0)
		return -errno;
	if (part->device != ret->st_dev || part->inode != ret->st_ino)
		return -ESTALE;
	parts->seen++;
	return 0;
}

static bool is_kept(const struct parts *parts, int fd) {
	for (size_t i = 0; i < parts->count; i++)
		if (parts->items[i].fd == fd)
			return true;
	return false;
}

static int close_others(const struct parts *parts, int fill_fd, int ready_fd) {
	int highest = fill_fd > ready_fd ? fill_fd : ready_fd;

	for (size_t i = 0; i < parts->count; i++)
		if (parts->items[i].fd > highest)
			highest = parts->items[i].fd;
	for (int fd = 0; fd < highest; fd++)
		if (fd != fill_fd && fd != ready_fd && !is_kept(parts, fd))
			close(fd);
	return platform_close_from(highest + 1);
}

static bool register_all(int queue, const struct parts *parts, int fill_fd) {
	struct kevent change;

	for (size_t i = 0; i < parts->count; i++) {
		EV_SET(&change, (uintptr_t)parts->items[i].fd, EVFILT_VNODE, EV_ADD | EV_CLEAR,
		       parts->items[i].notes, 0, NULL);
		if (kevent(queue, &change, 1, NULL, 0, NULL) < 0)
			return false;
	}
	/* Nobody writes to the other end: it is readable when that is closed. */
	EV_SET(&change, (uintptr_t)fill_fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
	return kevent(queue, &change, 1, NULL, 0, NULL) == 0;
}

static _Noreturn void watcher_run(const struct parts *parts, int fill_fd, int ready_fd) {
	const char byte = 0;
	struct kevent told;
	int queue;

	if (close_others(parts, fill_fd, ready_fd) < 0)
		_exit(1);
	queue = kqueue();
	if (queue < 0 || !register_all(queue, parts, fill_fd) || write(ready_fd, &byte, 1) != 1)
		_exit(1);
	close(ready_fd);
	while (kevent(queue, NULL, 0, &told, 1, NULL) < 0 && errno == EINTR)
		;
	send(fill_fd, &byte, 1, MSG_DONTWAIT);
	_exit(0);
}

/* Returns once all of it is watched. */
static int start_watcher(const struct parts *parts, int fill_fd) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	char byte;
	int fds[2];
	int error = platform_pipe(fds, true);
	pid_t pid;
	ssize_t len;

	if (error < 0)
		return error;
	ours = fds[0];
	theirs = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close_fd(&ours);
		watcher_run(parts, fill_fd, theirs);
	}
	close_fd(&theirs);
	do {
		len = read(ours, &byte, 1);
	} while (len < 0 && errno == EINTR);
	return len == 1 ? 0 : -EIO;
}

static bool is_remote(const char *path) {
	struct statfs status;

	return statfs(path, &status) < 0 || (status.f_flags & MNT_LOCAL) == 0;
}

/* Nothing need lie there; then something may come into the directory above, or the file that lies
 * in the way may go. */
static int open_all(struct parts *parts, const char *path) {
	CLEANUP(free_pointer) struct walk *walk = NULL;
	struct stat status;
	int error = walk_new(&walk, path);

	if (error < 0)
		return error;
	error = walk_along(walk, add, parts);
	if (error == -ENOENT) {
		parts->is_missing = true;
		error = add(&status, walk_above(walk), parts);
		if (error == 0)
			parts->items[parts->count - 1].notes |= NOTE_WRITE;
		return error;
	}
	if (error < 0 && error != -ENOTDIR)
		return error;
	return is_remote(walk_place(walk)) ? -EREMOTE : 0;
}

/* Whether it is all still what was opened. */
static int compare_all(struct parts *parts, const char *path) {
	CLEANUP(free_pointer) struct walk *walk = NULL;
	struct stat status;
	int error = walk_new(&walk, path);

	if (error < 0)
		return error;
	error = walk_along(walk, compare, parts);
	if (error == -ENOENT && parts->is_missing)
		error = compare(&status, walk_above(walk), parts);
	else if (error == -ENOTDIR)
		error = 0;
	return error == 0 && parts->seen == parts->count ? 0 : -ESTALE;
}

int platform_watch_path(int fill_fd, const char *path) {
	CLEANUP(free_pointer) struct parts *parts = calloc(1, sizeof(*parts));
	int error;

	if (parts == NULL)
		return -ENOMEM;
	error = open_all(parts, path);
	if (error == 0)
		error = start_watcher(parts, fill_fd);
	if (error == 0)
		error = compare_all(parts, path);
	for (size_t i = 0; i < parts->count; i++)
		close_fd(&parts->items[i].fd);
	return error;
}

/* A directory tells of names, not of what is written to its files. */
int platform_watch_writing(int *ret_fd, int dir_fd) {
	(void)ret_fd, (void)dir_fd;
	return -ENOSYS;
}

/* There are none. */
int platform_lease_read(int fd) {
	(void)fd;
	return -ENOSYS;
}
