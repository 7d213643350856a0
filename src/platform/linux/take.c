/* Tries at another process what its user's malware would try (for `doctor`). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/proc_read.h"
#include "platform/platform.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif

static bool opens(int dir_fd, const char *name, int flags) {
	CLEANUP(close_fd) int fd = openat(dir_fd, name, flags | O_CLOEXEC);

	return fd >= 0;
}

static bool gives_descriptor(pid_t pid) {
	CLEANUP(close_fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CLEANUP(close_fd) int fd = -1;

	if (pidfd >= 0)
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, STDERR_FILENO, 0);
	return fd >= 0;
}

int platform_try_to_take(struct keeping *ret, pid_t pid) {
	CLEANUP(close_fd) int dir_fd = -1;
	struct proc_status status;
	struct keeping keeping = {0};
	int error = proc_open(&dir_fd, pid);

	if (error == 0)
		error = proc_read_status(&status, dir_fd);
	if (error < 0)
		return error;
	keeping.filters_calls = status.filters_calls;
	keeping.no_new_privileges = status.no_new_privileges;
	if (opens(dir_fd, "mem", O_RDONLY))
		keeping.taken = "its memory";
	else if (opens(dir_fd, "fd", O_RDONLY | O_DIRECTORY) || gives_descriptor(pid))
		keeping.taken = "its descriptors";
	else if (opens(dir_fd, "cwd", O_PATH))
		keeping.taken = "its directory";
	else if (opens(dir_fd, "environ", O_RDONLY))
		keeping.taken = "its environment";
	*ret = keeping;
	return 0;
}

/* By its argv[0], because the kernel calls what is executed by a descriptor after that. */
static bool is_child_called(pid_t pid, pid_t parent, const char *name) {
	CLEANUP(close_fd) int dir_fd = -1;
	struct proc_status status;
	char buffer[64];
	struct bytes argv;

	return proc_open(&dir_fd, pid) == 0 && proc_read_status(&status, dir_fd) == 0 &&
	       status.parent == parent &&
	       proc_read(&argv, dir_fd, "cmdline", buffer, sizeof(buffer)) == 0 &&
	       argv.len > strlen(name) && memcmp(argv.data, name, strlen(name) + 1) == 0;
}

int platform_child_called(pid_t *ret, pid_t parent, const char *name) {
	DIR *directory = opendir("/proc");
	int error = directory != NULL ? -ESRCH : -errno;

	for (struct dirent *entry = directory != NULL ? readdir(directory) : NULL;
	     entry != NULL && error == -ESRCH; entry = readdir(directory)) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && is_child_called(pid, parent, name)) {
			*ret = pid;
			error = 0;
		}
	}
	if (directory != NULL)
		closedir(directory);
	return error;
}
