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

#define LINKS_MAX 40 /* as the kernel's own (path_resolution(7)) */

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

int platform_watch_new(int *ret_fd) {
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
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

struct walk {
	int watch_fd;
	unsigned links;
	char done[PATH_MAX]; /* where the walk stands; "" is the root */
	char left[PATH_MAX]; /* what is to be walked from there */
};

static const char *place(const struct walk *walk) {
	return walk->done[0] != '\0' ? walk->done : "/";
}

static uint32_t mask_for(const struct stat *status) {
	if (S_ISDIR(status->st_mode))
		return MASK_ANY; /* more would tell of all that lies in it */
	return S_ISLNK(status->st_mode) ? MASK_LINK : MASK_FILE;
}

/* Watches what is at the walk's place. *ret is what is watched. */
static int add(struct walk *walk, struct stat *ret) {
	struct stat after;

	for (int i = 0; i < TRIES_MAX; i++) {
		if (lstat(place(walk), ret) < 0)
			return -errno;
		if (inotify_add_watch(walk->watch_fd, place(walk), mask_for(ret)) < 0) {
			/* A directory of others that may be passed, but not read, they will not
			 * move. */
			bool passed = errno == EACCES && S_ISDIR(ret->st_mode) &&
			              ret->st_uid != geteuid();

			if (errno == ENOENT)
				continue;
			return passed ? 0 : -errno;
		}
		if (lstat(place(walk), &after) == 0 && after.st_dev == ret->st_dev &&
		    after.st_ino == ret->st_ino)
			return 0;
	}
	return -ESTALE;
}

static void step_back(struct walk *walk) {
	char *slash = strrchr(walk->done, '/');

	if (slash != NULL)
		*slash = '\0';
}

/* The walk stands at a link: it goes on where that leads. */
static int follow(struct walk *walk) {
	char target[PATH_MAX];
	ssize_t len = readlink(walk->done, target, sizeof(target));
	size_t left_len = strlen(walk->left);

	if (len < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len + left_len + 2 > sizeof(walk->left))
		return -ENAMETOOLONG;
	memmove(walk->left + len + 1, walk->left, left_len + 1);
	memcpy(walk->left, target, (size_t)len);
	walk->left[len] = '/';
	step_back(walk);
	if (target[0] == '/')
		walk->done[0] = '\0';
	return 0;
}

/* Something may come to lie there: its directory is watched for that, and then looked at once more.
 */
static int watch_missing(struct walk *walk) {
	char path[PATH_MAX];
	struct stat status;

	strcpy(path, walk->done);
	step_back(walk);
	if (inotify_add_watch(walk->watch_fd, place(walk), MASK_MISSING) < 0)
		return -errno;
	return lstat(path, &status) == 0 ? -ESTALE : 0;
}

/* Takes the next part of the way off walk->left, and steps there. 0, or 1 where none is left. */
static int step(struct walk *walk) {
	char *begin = walk->left + strspn(walk->left, "/");
	size_t len = strcspn(begin, "/");
	size_t at = strlen(walk->done);

	if (len == 0)
		return 1;
	if (len == 2 && strncmp(begin, "..", 2) == 0) {
		step_back(walk);
	} else if (len != 1 || *begin != '.') {
		if (at + len + 2 > sizeof(walk->done))
			return -ENAMETOOLONG;
		walk->done[at] = '/';
		memcpy(walk->done + at + 1, begin, len);
		walk->done[at + 1 + len] = '\0';
	}
	memmove(walk->left, begin + len, strlen(begin + len) + 1);
	return 0;
}

static int walk_on(struct walk *walk) {
	struct stat status;
	int error = add(walk, &status);

	while (error == 0) {
		error = S_ISLNK(status.st_mode) ? follow(walk) : 0;
		if (error == 0)
			error = step(walk);
		if (error == 0)
			error = add(walk, &status);
	}
	if (error == -ENOENT)
		return watch_missing(walk);
	if (error == -ENOTDIR)
		return 0; /* the file that lies in the way is watched */
	return error < 0 ? error : is_remote(walk->done) ? -EREMOTE : 0;
}

int platform_watch_path(int watch_fd, const char *path) {
	CLEANUP(free_pointer) struct walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		return -ENOMEM;
	walk->watch_fd = watch_fd;
	if (path[0] != '/')
		return -EINVAL;
	if (strlen(path) >= sizeof(walk->left))
		return -ENAMETOOLONG;
	strcpy(walk->left, path);
	return walk_on(walk);
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
