/*
 * What is mounted over a path, as the kernel's table of mounts tells it: nothing is looked up, so
 * no file system can keep us waiting that somebody mounted there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buffer.h"
#include "platform/platform.h"

#define TABLE         "/proc/self/mountinfo"
#define TABLE_LEN_MAX (8 * 1024 * 1024) /* 40,000 mounts */

struct mounts {
	int table_fd;
	int epoll_fd;
	char *path;          /* owned */
	struct buffer first; /* those that lead to the path at first */
};

char *platform_real_path(const char *path) {
	return realpath(path, NULL);
}

int platform_path_of(char **ret, int fd) {
	char name[sizeof("/proc/self/fd/-2147483648")];
	char path[4096];
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	if ((size_t)len == sizeof(path) - 1)
		return -ENAMETOOLONG;
	path[len] = '\0';
	*ret = strdup(path);
	return *ret == NULL ? -ENOMEM : 0;
}

int platform_file_id(struct file_id *ret, int dir_fd, const char *name) {
	struct statx status;

	/* Not asked of a file system that would have to ask somebody else. */
	if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
	          STATX_INO, &status) < 0)
		return -errno;
	ret->device = makedev(status.stx_dev_major, status.stx_dev_minor);
	ret->inode = status.stx_ino;
	return 0;
}

static int read_table(struct buffer *table, int fd) {
	uint8_t chunk[16384];

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		ssize_t len = read(fd, chunk, sizeof(chunk));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (len == 0)
			break;
		buffer_put_raw(table, (struct bytes){chunk, (size_t)len});
		if (table->len > TABLE_LEN_MAX)
			return -EFBIG;
	}
	buffer_put_u8(table, '\0');
	return buffer_error(table);
}

/* Undoes \ooo, which stands for blanks and backslashes. */
static void unescape(char *text) {
	char *to = text;

	for (const char *from = text; *from != '\0'; to++) {
		bool escape = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		              from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7';

		if (escape) {
			int octal = (from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0');

			*to = (char)octal;
		} else {
			*to = *from;
		}
		from += escape ? 4 : 1;
	}
	*to = '\0';
}

static bool leads_to(const char *point, const char *path) {
	size_t len = strlen(point);

	if (strcmp(point, "/") == 0)
		return true;
	return strncmp(point, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Appends the numbers of the mounts that lead to the path. */
static int find(struct buffer *ret, const struct mounts *mounts) {
	CLEANUP(buffer_deinit) struct buffer table = {0};
	int error = read_table(&table, mounts->table_fd);
	char *rest, *line;

	if (error < 0)
		return error;
	rest = (char *)table.data;
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *fields = line, *number = strsep(&fields, " "), *point = NULL;

		for (int i = 0; i < 4 && fields != NULL; i++)
			point = strsep(&fields, " ");
		if (point == NULL || fields == NULL)
			continue;
		unescape(point);
		if (leads_to(point, mounts->path)) {
			buffer_put_raw(ret, bytes_of_text(number));
			buffer_put_u8(ret, ' ');
		}
	}
	return buffer_error(ret);
}

int mounts_new(struct mounts **ret, const char *path) {
	struct mounts *mounts = calloc(1, sizeof(*mounts));
	struct epoll_event event = {.events = EPOLLPRI | EPOLLERR};
	int error = 0;

	if (mounts == NULL)
		return -ENOMEM;
	mounts->epoll_fd = -1;
	mounts->path = strdup(path);
	mounts->table_fd = open(TABLE, O_RDONLY | O_CLOEXEC);
	if (mounts->table_fd >= 0)
		mounts->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (mounts->path == NULL)
		error = -ENOMEM;
	else if (mounts->epoll_fd < 0 ||
	         epoll_ctl(mounts->epoll_fd, EPOLL_CTL_ADD, mounts->table_fd, &event) < 0)
		error = -errno;
	if (error == 0)
		error = find(&mounts->first, mounts);
	if (error < 0) {
		mounts_free(mounts);
		return error;
	}
	*ret = mounts;
	return 0;
}

void mounts_free(struct mounts *mounts) {
	if (mounts == NULL)
		return;
	close_fd(&mounts->epoll_fd);
	close_fd(&mounts->table_fd);
	buffer_deinit(&mounts->first);
	free(mounts->path);
	free(mounts);
}

int mounts_fd(const struct mounts *mounts) {
	return mounts->epoll_fd;
}

bool mounts_are_others(struct mounts *mounts) {
	CLEANUP(buffer_deinit) struct buffer now = {0};
	struct epoll_event event;

	while (epoll_wait(mounts->epoll_fd, &event, 1, 0) == 1)
		;
	return find(&now, mounts) == 0 &&
	       !bytes_equal(buffer_bytes(&now), buffer_bytes(&mounts->first));
}
