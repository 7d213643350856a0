/*
 * What a path leads to is watched link by link. Each directory and link on the way is watched
 * itself, rather than for what happens below it, so that nobody wakes us who works beside them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "platform/platform.h"
#include "platform/walk.h"

/* IN_MASK_ADD: what is on the way of several paths is watched for all of them. */
#define MASK_ANY (IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW | IN_MASK_ADD)
/* The number of its names changes where another takes its place, and its owner counts, too. */
#define MASK_LINK    (MASK_ANY | IN_ATTRIB)
#define MASK_FILE    (MASK_LINK | IN_MODIFY | IN_CLOSE_WRITE)
#define MASK_MISSING (IN_CREATE | IN_MOVED_TO | IN_DONT_FOLLOW | IN_MASK_ADD)
#define TRIES_MAX    5 /* whoever exchanges it more often between two calls does nothing else */

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif

int platform_watch_new(int *ret_fd, int *ret_fill_fd) {
	CLEANUP(close_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int fill_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (fill_fd < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	*ret_fill_fd = fill_fd;
	return 0;
}

/* Where inotify sees only what is done on this machine. */
static bool is_remote(const char *path) {
	struct statfs status;

	if (statfs(path, &status) < 0)
		return true;
	switch ((unsigned long)status.f_type & 0xffffffffUL) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case V9FS_MAGIC:
	case AFS_SUPER_MAGIC:
	case AFS_FS_MAGIC:
	case CODA_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC: return true;
	default: return false;
	}
}

static uint32_t mask_for(const struct stat *status) {
	if (S_ISDIR(status->st_mode))
		return MASK_ANY; /* more would tell of all that lies in it */
	return S_ISLNK(status->st_mode) ? MASK_LINK : MASK_FILE;
}

/* Watches what is at the place. *ret is what is watched. */
static int add(struct stat *ret, const char *place, void *data) {
	const int *watch_fd = data;
	struct stat after;

	for (int i = 0; i < TRIES_MAX; i++) {
		if (lstat(place, ret) < 0)
			return -errno;
		if (inotify_add_watch(*watch_fd, place, mask_for(ret)) < 0) {
			/* A directory of others that may be passed, but not read, they will not
			 * move. */
			bool passed = errno == EACCES && S_ISDIR(ret->st_mode) &&
			              ret->st_uid != geteuid();

			if (errno == ENOENT)
				continue;
			return passed ? 0 : -errno;
		}
		if (lstat(place, &after) == 0 && after.st_dev == ret->st_dev &&
		    after.st_ino == ret->st_ino)
			return 0;
	}
	return -ESTALE;
}

/* Something may come to lie there: its directory is watched for that, and then looked at once more.
 */
static int watch_missing(int watch_fd, struct walk *walk) {
	struct stat status;

	if (inotify_add_watch(watch_fd, walk_above(walk), MASK_MISSING) < 0)
		return -errno;
	return lstat(walk_place(walk), &status) == 0 ? -ESTALE : 0;
}

int platform_watch_path(int fill_fd, const char *path) {
	CLEANUP(free_pointer) struct walk *walk = NULL;
	int error = walk_new(&walk, path);

	if (error == 0)
		error = walk_along(walk, add, &fill_fd);
	if (error == -ENOENT && walk != NULL)
		return watch_missing(fill_fd, walk);
	if (error == -ENOTDIR)
		return 0; /* the file that lies in the way is watched */
	return error < 0 ? error : is_remote(walk_place(walk)) ? -EREMOTE : 0;
}

int platform_watch_writing(int *ret_fd, int dir_fd) {
	CLEANUP(close_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[sizeof("/proc/self/fd/-2147483648")];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int platform_lease_read(int fd) {
	return fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? -errno : 0;
}
