#include "platform/darwin/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/attr.h>
#include <sys/param.h>
#include <unistd.h>

#include "platform/platform.h"

#define UNNAMED \
	".unnamed" /* what a file is called that has no name yet: there are no others here */

static int64_t stamp_ns(struct timespec stamp) {
	return (int64_t)stamp.tv_sec * 1000000000 + stamp.tv_nsec;
}

struct file_state files_state_of(const struct stat *file) {
	return (struct file_state){
		.device = (uint64_t)file->st_dev,
		.inode = file->st_ino,
		.size = (uint64_t)file->st_size,
		.modified_ns = stamp_ns(file->st_mtim),
		.changed_ns = stamp_ns(file->st_ctim),
	};
}

int platform_file_state(struct file_state *ret, int fd) {
	struct stat file;

	if (fstat(fd, &file) < 0)
		return -errno;
	*ret = files_state_of(&file);
	return 0;
}

int platform_path_of(char **ret, int fd) {
	char path[MAXPATHLEN];

	if (fcntl(fd, F_GETPATH, path) < 0)
		return -errno;
	*ret = strdup(path);
	return *ret != NULL ? 0 : -ENOMEM;
}

/* The system has no way to ask that would not wait for a file system that waits. */
int platform_file_id(struct file_id *ret, int dir_fd, const char *name) {
	struct stat file;

	if (fstatat(dir_fd, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (struct file_id){file.st_dev, file.st_ino};
	return 0;
}

int platform_unnamed_file(int *ret_fd, int dir_fd) {
	int fd;

	if (unlinkat(dir_fd, UNNAMED, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, UNNAMED, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int platform_name_file(int fd, int dir_fd, const char *name) {
	struct stat file, there;

	if (fstat(fd, &file) < 0 || fstatat(dir_fd, UNNAMED, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (file.st_dev != there.st_dev || file.st_ino != there.st_ino)
		return -ESTALE;
	return renameatx_np(dir_fd, UNNAMED, dir_fd, name, RENAME_EXCL) < 0 ? -errno : 0;
}

/* To the disk itself, which the system's fsync() leaves its own time. Not every file system can. */
int platform_flush(int fd) {
	return fcntl(fd, F_FULLFSYNC) < 0 && fsync(fd) < 0 ? -errno : 0;
}

/* Names are kept as they were given, and found in every case and normal form. What holds a profile
 * against a path takes the name that was kept, and knows no other; so that one is asked for. */
char *platform_real_path(const char *path) {
	struct attrlist wanted = {.bitmapcount = ATTR_BIT_MAP_COUNT,
	                          .commonattr = ATTR_CMN_FULLPATH};
	struct {
		uint32_t size;
		attrreference_t place;
		char room[MAXPATHLEN];
	} __attribute__((packed, aligned(4))) answer;
	size_t begin = offsetof(__typeof__(answer), place), end;

	if (getattrlist(path, &wanted, &answer, sizeof(answer), 0) < 0)
		return NULL;
	begin += (size_t)answer.place.attr_dataoffset;
	end = begin + answer.place.attr_length;
	if (answer.size > sizeof(answer) || answer.place.attr_length == 0 ||
	    begin < offsetof(__typeof__(answer), room) || end > answer.size ||
	    ((const char *)&answer)[end - 1] != '\0' || ((const char *)&answer)[begin] != '/') {
		errno = EIO;
		return NULL;
	}
	return strdup((const char *)&answer + begin);
}
