#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/platform.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int platform_datagram_socket(int *ret_fd) {
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int sealed_file(int *ret_fd, struct bytes bytes) {
	CLEANUP(close_fd) int fd = memfd_create("datagram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	while (bytes.len > 0) {
		ssize_t len = write(fd, bytes.data, bytes.len);

		if (len < 0 && errno != EINTR)
			return -errno;
		if (len > 0)
			bytes = (struct bytes){bytes.data + len, bytes.len - (size_t)len};
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* An empty datagram that carries the file, as sd_journal_send() makes it. */
static int send_as_file(int fd, const struct sockaddr_un *to, struct bytes bytes) {
	CLEANUP(close_fd) int file_fd = -1;
	struct sockaddr_un address = *to;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_name = &address,
	                         .msg_namelen = sizeof(address),
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	int error = sealed_file(&file_fd, bytes);

	if (error < 0)
		return error;
	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
	                                  .cmsg_level = SOL_SOCKET,
	                                  .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &file_fd, sizeof(file_fd));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Of an abstract name, which begins with a zero, every byte counts. */
static socklen_t length_of(const struct sockaddr_un *to) {
	if (to->sun_path[0] != '\0')
		return sizeof(*to);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	                   strnlen(to->sun_path + 1, sizeof(to->sun_path) - 1));
}

int platform_send_datagram(int fd, const struct sockaddr_un *to, struct bytes bytes, bool as_file) {
	if (sendto(fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT,
	           (const struct sockaddr *)to, length_of(to)) >= 0)
		return 0;
	if (as_file && (errno == EMSGSIZE || errno == ENOBUFS))
		return send_as_file(fd, to, bytes);
	return -errno;
}
