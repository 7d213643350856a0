#include "agent/local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "platform/platform.h"

int local_address(struct sockaddr_un *ret, const char *path, size_t spare) {
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) + spare >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

int local_try(const char *path) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address;
	int error = local_address(&address, path, 0);

	if (error == 0)
		error = platform_socket(&fd, false);
	if (error < 0)
		return error;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
}

int local_bind(int fd, const struct sockaddr_un *address, mode_t mode) {
	mode_t mask = umask(0777 & ~mode);
	int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(mask);
	return error;
}
