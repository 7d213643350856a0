#include "sandbox/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int scratch_new(char **ret_path, const char *parent) {
	CLEANUP(free_pointer) char *path = NULL;

	if (asprintf(&path, "%s/sag-XXXXXX", parent) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (mkdtemp(path) == NULL)
		return -errno;
	*ret_path = TAKE(path);
	return 0;
}

static int clear(int dir_fd, unsigned depth);

/* As a file first: only where the system says that it is a directory is it looked into. */
static int remove_entry(int dir_fd, const char *name, unsigned depth) {
	CLEANUP(close_fd) int fd = -1;
	int error;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) /* as Linux, and as others say it */
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = clear(fd, depth + 1);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && error == 0)
		error = -errno;
	return error;
}

static int clear(int dir_fd, unsigned depth) {
	int fd = depth < SCRATCH_DEPTH_MAX ? dup(dir_fd) : -1;
	DIR *directory;
	int error = 0;

	if (depth >= SCRATCH_DEPTH_MAX)
		return -ELOOP;
	directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (directory == NULL) {
		error = -errno;
		close_fd(&fd);
		return error;
	}
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
		int failed;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		failed = remove_entry(dir_fd, entry->d_name, depth);
		if (failed < 0)
			error = failed;
	}
	closedir(directory);
	return error;
}

int scratch_remove(const char *path) {
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = clear(fd, 0);
	if (error == 0 && rmdir(path) < 0)
		error = -errno;
	return error;
}
