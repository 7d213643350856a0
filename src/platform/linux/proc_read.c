#include "platform/linux/proc_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define STATUS_SIZE \
	16384 /* some 60 lines; only the list of groups can grow, and then we do not know */

int proc_open(int *ret_fd, pid_t pid) {
	char path[sizeof("/proc/-2147483648")];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret_fd = fd;
	return 0;
}

int proc_read(struct bytes *ret, int dir_fd, const char *name, void *buffer, size_t size) {
	/* Where the process is gone, opening says ENOENT or ESRCH, reading ESRCH. */
	CLEANUP(close_fd) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	len = read(fd, buffer, size);
	if (len < 0)
		return -errno;
	*ret = (struct bytes){buffer, (size_t)len};
	return 0;
}

int proc_link(struct bytes *ret, int dir_fd, const char *name, char buffer[static PATH_MAX + 1]) {
	ssize_t len = readlinkat(dir_fd, name, buffer, PATH_MAX + 1);

	if (len < 0)
		return -errno;
	if (len > PATH_MAX)
		return -ENAMETOOLONG;
	buffer[len] = '\0';
	*ret = (struct bytes){(const uint8_t *)buffer, (size_t)len};
	return 0;
}

int proc_read_status(struct proc_status *ret, int dir_fd) {
	char buffer[STATUS_SIZE];
	struct bytes text;
	int error = proc_read(&text, dir_fd, "status", buffer, sizeof(buffer));

	return error < 0 ? error : proc_status_parse(ret, text);
}
