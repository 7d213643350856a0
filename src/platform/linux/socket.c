/* Descriptors as we want them from the beginning. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/platform.h"

int platform_socket(int *ret_fd, bool waits) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int platform_accept(int *ret_fd, int listener_fd) {
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int platform_pipe(int ret_fds[2], bool waits) {
	return pipe2(ret_fds, O_CLOEXEC | (waits ? 0 : O_NONBLOCK)) < 0 ? -errno : 0;
}

int platform_message_pair(int ret_fds[2]) {
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

int platform_send_message(int fd, struct bytes message) {
	return send(fd, message.data, message.len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int platform_receive_message(size_t *ret_len, int fd, void *buffer, size_t size) {
	ssize_t len = recv(fd, buffer, size, 0);

	if (len < 0)
		return -errno;
	*ret_len = (size_t)len;
	return 0;
}
