/* Memory files: a program's image that nobody can read or change, and no set-id bit adheres to. */
#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3; Debian 12's header is older */
#endif

#define COPY_LEN_MAX ((size_t)1 << 30)

static int memory_file(void) {
	int fd = memfd_create("ssh-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	/* Before 6.3 every memory file was executable, and the flag is unknown. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ssh-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? (errno == EACCES ? -EPERM : -errno) : fd;
}

static int copy(int to, int from) {
	for (;;) {
		ssize_t len = sendfile(to, from, NULL, COPY_LEN_MAX);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len < 0 ? -errno : 0;
	}
}

int platform_program_image(int *ret_fd, const char *path) {
	CLEANUP(close_fd) int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	CLEANUP(close_fd) int image = -1;
	struct stat status;
	int error;

	if (file < 0 || fstat(file, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & 022) != 0)
		return -EACCES;
	image = memory_file();
	if (image < 0)
		return take_fd(&image);
	error = copy(image, file);
	if (error < 0)
		return error;
	if (fchmod(image, 0100) < 0 ||
	    fcntl(image, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_fd = take_fd(&image);
	return 0;
}

int platform_execute(int image_fd, char *const argv[], char *const environment[]) {
	fexecve(image_fd, argv, environment);
	return -errno;
}
