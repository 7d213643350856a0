/* Descriptors as we want them from the beginning. Between their making and their being closed on
 * exec nobody executes anything: there is one thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "platform/platform.h"

#define MESSAGE_ROOM (512 * 1024) /* above the longest message with its length */

static int set_up(int fd, bool waits) {
	const int on = 1;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (!waits && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	/* Older systems know no MSG_NOSIGNAL; and a pipe is no socket. */
	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) < 0 && errno != ENOTSOCK)
		return -errno;
	return 0;
}

static int hand_over(int *ret_fd, int fd, bool waits) {
	CLEANUP(close_fd) int owned = fd;
	int error = owned < 0 ? -errno : set_up(owned, waits);

	if (error == 0)
		*ret_fd = take_fd(&owned);
	return error;
}

static int hand_over_both(int ret_fds[2], const int fds[2], bool waits) {
	CLEANUP(close_fd) int first = fds[0];
	CLEANUP(close_fd) int second = fds[1];
	int error = set_up(first, waits);

	if (error == 0)
		error = set_up(second, waits);
	if (error == 0) {
		ret_fds[0] = take_fd(&first);
		ret_fds[1] = take_fd(&second);
	}
	return error;
}

int platform_socket(int *ret_fd, bool waits) {
	return hand_over(ret_fd, socket(AF_UNIX, SOCK_STREAM, 0), waits);
}

int platform_accept(int *ret_fd, int listener_fd) {
	return hand_over(ret_fd, accept(listener_fd, NULL, NULL), false);
}

int platform_pipe(int ret_fds[2], bool waits) {
	int fds[2];

	return pipe(fds) < 0 ? -errno : hand_over_both(ret_fds, fds, waits);
}

int platform_datagram_socket(int *ret_fd) {
	return hand_over(ret_fd, socket(AF_UNIX, SOCK_DGRAM, 0), false);
}

/* There is no journald that would take a file, and nothing to seal one with. */
int platform_send_datagram(int fd, const struct sockaddr_un *to, struct bytes bytes, bool as_file) {
	(void)as_file;
	return sendto(fd, bytes.data, bytes.len, MSG_DONTWAIT, (const struct sockaddr *)to,
	              sizeof(*to)) < 0
	               ? -errno
	               : 0;
}

/* A stream: of the kinds that keep messages whole, one is not known here for local sockets, and
 * with the other the end of a process is not seen. So each message has its length before it. */
int platform_message_pair(int ret_fds[2]) {
	const int room = MESSAGE_ROOM;
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -errno;
	error = hand_over_both(ret_fds, fds, true);
	for (int i = 0; error == 0 && i < 2; i++)
		if (setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0 ||
		    setsockopt(ret_fds[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0) {
			error = -errno;
			close(ret_fds[0]);
			close(ret_fds[1]);
		}
	return error;
}

/* Half of one cannot be taken back. */
int platform_send_message(int fd, struct bytes message) {
	uint32_t len = (uint32_t)message.len;
	struct iovec parts[] = {{&len, sizeof(len)}, {NULL, message.len}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;

	if (message.len > MESSAGE_ROOM - sizeof(len))
		return -EMSGSIZE;
	memcpy(&parts[1].iov_base, &message.data, sizeof(message.data));
	do {
		sent = sendmsg(fd, &header, 0);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == sizeof(len) + message.len ? 0 : -EIO;
}

/* All of it, however long that takes. 0, or 1 where there is nothing any more. */
static int take(int fd, void *buffer, size_t len) {
	ssize_t taken;

	do {
		taken = recv(fd, buffer, len, MSG_WAITALL);
	} while (taken < 0 && errno == EINTR);
	if (taken < 0)
		return -errno;
	if (taken == 0 && len > 0)
		return 1;
	return (size_t)taken == len ? 0 : -EIO;
}

/* Whether a whole message is there, or the other end gone; -EAGAIN: not yet. */
static int look(int fd, size_t size) {
	int available = 0;
	uint32_t len;
	ssize_t seen = recv(fd, &len, sizeof(len), MSG_PEEK);

	if (seen <= 0)
		return seen < 0 ? -errno : 0;
	if (ioctl(fd, FIONREAD, &available) < 0)
		return -errno;
	if (seen < (ssize_t)sizeof(len))
		return -EAGAIN;
	if (len > size)
		return -EMSGSIZE;
	return (size_t)available >= sizeof(len) + len ? 0 : -EAGAIN;
}

int platform_receive_message(size_t *ret_len, int fd, void *buffer, size_t size) {
	bool waits = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
	uint32_t len;
	int error = waits ? 0 : look(fd, size);

	if (error == 0)
		error = take(fd, &len, sizeof(len));
	if (error == 1) {
		*ret_len = 0;
		return 0;
	}
	if (error == 0 && (len == 0 || len > size))
		error = -EMSGSIZE;
	if (error == 0)
		error = take(fd, buffer, len);
	if (error == 0)
		*ret_len = len;
	return error == 1 ? -EIO : error;
}
