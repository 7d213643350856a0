/* Linux's way to look at the file of a program; see program.h. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "platform/program.h"

/* Links of /proc would lead to our own files. */
int program_find(struct stat *ret, const char *path) {
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
	CLEANUP(close_fd) int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 || fstat(fd, ret) < 0 ? -1 : take_fd(&fd);
}

bool program_is_script(int found_fd) {
	char path[sizeof("/proc/self/fd/-2147483648")];
	char mark[2];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", found_fd);
	{
		CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

		return fd >= 0 && pread(fd, mark, sizeof(mark), 0) == sizeof(mark) &&
		       memcmp(mark, "#!", sizeof(mark)) == 0;
	}
}
