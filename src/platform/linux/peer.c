/* Who wrote these bytes: unix(7), SCM_CREDENTIALS and SCM_PIDFD. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/platform.h"

/* Linux 6.5; Debian 12's headers are older. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#define SCM_PIDFD    0x04
#endif

#define DESCRIPTORS_MAX 253 /* SCM_MAX_FD: as many can come with one message */

void peer_deinit(struct peer *peer) {
	if (peer->pidfd > 0)
		close(peer->pidfd);
	*peer = (struct peer){.pidfd = -1};
}

bool peer_same(const struct peer *a, const struct peer *b) {
	return a->known && b->known && a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

int platform_identify_writers(int socket_fd) {
	const int on = 1;

	if (setsockopt(socket_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	/* An older kernel has no such option; then PID and start time must do. */
	if (setsockopt(socket_fd, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) < 0 &&
	    errno != ENOPROTOOPT)
		return -errno;
	return 0;
}

static void close_all(const struct cmsghdr *header) {
	const unsigned char *data = CMSG_DATA(header);
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, data + i * sizeof(int), sizeof(fd));
		close(fd);
	}
}

static void take_control(struct peer *writer, struct msghdr *message) {
	bool cut = (message->msg_flags & MSG_CTRUNC) != 0;
	bool bad_pidfd = false;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		struct ucred credentials;

		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_RIGHTS) {
			close_all(header);
		} else if (header->cmsg_type == SCM_PIDFD) {
			memcpy(&writer->pidfd, CMSG_DATA(header), sizeof(int));
			bad_pidfd = writer->pidfd < 0;
		} else if (header->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
			writer->known = credentials.pid > 0;
			writer->pid = credentials.pid;
			writer->uid = credentials.uid;
			writer->gid = credentials.gid;
		}
	}
	if (cut || bad_pidfd || !writer->known)
		peer_deinit(writer);
}

int platform_read(struct peer *ret_writer, int socket_fd, void *buffer, size_t size,
		  size_t *ret_len) {
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) +
			   CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct iovec into = {.iov_base = buffer, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &into,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (len < 0)
		return -errno;
	*ret_writer = (struct peer){.pidfd = -1};
	take_control(ret_writer, &message);
	*ret_len = (size_t)len;
	return 0;
}

int platform_connector(struct peer *ret_peer, int socket_fd) {
	struct ucred credentials;
	socklen_t len = sizeof(credentials);
	struct peer peer = {.pidfd = -1};

	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
		return -errno;
	peer.known = credentials.pid > 0;
	peer.pid = credentials.pid;
	peer.uid = credentials.uid;
	peer.gid = credentials.gid;
	*ret_peer = peer;
	return 0;
}

bool platform_peer_alive(const struct peer *peer) {
	struct pollfd exited = {.fd = peer->pidfd, .events = POLLIN};

	/* Without a pidfd the start time, read before and after, must tell. */
	return peer->known && (peer->pidfd < 0 || poll(&exited, 1, 0) == 0);
}
