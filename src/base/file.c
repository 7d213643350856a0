#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define CHUNK_LEN 16384

int file_read_open(struct buffer *buffer, int fd, size_t len_max) {
	uint8_t chunk[CHUNK_LEN];
	size_t total = 0;

	for (;;) {
		ssize_t len = read(fd, chunk, sizeof(chunk));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (len == 0)
			return buffer_error(buffer);
		total += (size_t)len;
		if (total > len_max)
			return -EFBIG;
		buffer_put_raw(buffer, (struct bytes){chunk, (size_t)len});
	}
}

static int open_regular(int *ret_fd, int dir_fd, const char *path, int flags,
                        struct stat *ret_stat) {
	/* O_NONBLOCK, because opening a FIFO without a writer would wait for one. */
	CLEANUP(close_fd)
	int fd = openat(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (ret_stat != NULL)
		*ret_stat = status;
	*ret_fd = take_fd(&fd);
	return 0;
}

int file_open_regular(int *ret_fd, int dir_fd, const char *path, struct stat *ret_stat) {
	return open_regular(ret_fd, dir_fd, path, 0, ret_stat);
}

int file_read_own(struct buffer *buffer, int dir_fd, const char *name, size_t len_max,
                  struct stat *ret_stat) {
	CLEANUP(close_fd) int fd = -1;
	int error = open_regular(&fd, dir_fd, name, O_NOFOLLOW, ret_stat);

	if (error < 0)
		return error;
	if (ret_stat->st_uid != geteuid())
		return -EPERM;
	if ((ret_stat->st_mode & 022) != 0)
		return -EACCES;
	return file_read_open(buffer, fd, len_max);
}

int file_read(struct buffer *buffer, int dir_fd, const char *path, size_t len_max,
              struct stat *ret_stat) {
	CLEANUP(close_fd) int fd = -1;
	int error = file_open_regular(&fd, dir_fd, path, ret_stat);

	return error == 0 ? file_read_open(buffer, fd, len_max) : error;
}

static int write_all(int fd, struct bytes bytes) {
	while (bytes.len > 0) {
		ssize_t len = write(fd, bytes.data, bytes.len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		bytes.data += len;
		bytes.len -= (size_t)len;
	}
	return 0;
}

static int flush(int fd) {
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0; /* -EINVAL: there is no disk */
}

/* A name that nobody can have put anything under before. */
static int name_temporary(char ret[static NAME_MAX + 1], const char *name) {
	unsigned long long random;

	if (getentropy(&random, sizeof(random)) < 0)
		return -errno;
	return snprintf(ret, NAME_MAX + 1, ".%s.%016llx", name, random) > NAME_MAX ? -ENAMETOOLONG
	                                                                           : 0;
}

static int replace(int dir_fd, const char *name, struct bytes bytes, bool durably) {
	char temporary[NAME_MAX + 1];
	int fd, error = name_temporary(temporary, name);

	if (error < 0)
		return error;
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = write_all(fd, bytes);
	if (error == 0 && durably)
		error = flush(fd);
	if (close(fd) < 0 && error == 0)
		error = -errno;
	if (error == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		error = -errno;
	else if (error == 0 && durably)
		return flush(dir_fd);
	if (error < 0)
		unlinkat(dir_fd, temporary, 0);
	return error;
}

int file_replace(int dir_fd, const char *name, struct bytes bytes) {
	return replace(dir_fd, name, bytes, false);
}

int file_replace_durably(int dir_fd, const char *name, struct bytes bytes) {
	return replace(dir_fd, name, bytes, true);
}

static int directory_open(int *ret_fd, const char *path, struct stat *status) {
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ELOOP ? -ENOTDIR : -errno;
	if (fstat(fd, status) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int directory_make_private(int *ret_fd, const char *path) {
	CLEANUP(free_pointer) char *parts = strdup(path);
	CLEANUP(close_fd) int fd = -1;
	struct stat status;
	int error;

	if (parts == NULL)
		return -ENOMEM;
	for (char *slash = strchr(parts + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(parts, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(parts, 0700) < 0 && errno != EEXIST)
		return -errno;
	error = directory_open(&fd, path, &status);
	if (error < 0)
		return error;
	if (status.st_uid != geteuid())
		return -EPERM;
	if ((status.st_mode & 077) != 0)
		return -EACCES;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whether somebody but root and us could put another directory in the place of one below. */
static int parent_error(const struct stat *status) {
	bool others_write = (status->st_mode & 022) != 0;

	if (status->st_uid != 0 && status->st_uid != geteuid())
		return -EPERM;
	return others_write && (status->st_mode & S_ISVTX) == 0 ? -EACCES : 0;
}

int directory_check(int *ret_fd, char **ret_bad, const char *path) {
	CLEANUP(free_pointer) char *real = realpath(path, NULL);
	CLEANUP(close_fd) int fd = -1;
	struct stat status;
	int error;

	if (real == NULL)
		return -errno;
	error = directory_open(&fd, real, &status);
	if (error == 0 && status.st_uid != geteuid())
		error = -EPERM;
	else if (error == 0 && (status.st_mode & 022) != 0)
		error = -EACCES;
	while (error == 0 && strcmp(real, "/") != 0) {
		char *slash = strrchr(real, '/');

		slash[slash == real ? 1 : 0] = '\0';
		if (stat(real, &status) < 0)
			return -errno;
		error = parent_error(&status);
	}
	if (error < 0) {
		*ret_bad = TAKE(real);
		return error;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}
