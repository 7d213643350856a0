/*
 * Who is at the other end of a socket, as the kernel says. It names no writer of a message. It has
 * written down who connected (LOCAL_PEERCRED, a user), and which process used the other end last
 * (LOCAL_PEERPID), of which it gives the token (LOCAL_PEERTOKEN) of the image that it runs now. So
 * what is asked right after a message was read names its writer, unless another process that holds
 * the same end was quicker than we: evidence about the connection, not about the message.
 */
#include <bsm/audit.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/ucred.h>
#include <sys/un.h>
#include <unistd.h>

#include "platform/darwin/lookup.h"
#include "platform/platform.h"

void peer_deinit(struct peer *peer) {
	*peer = PEER_UNKNOWN;
}

bool peer_same(const struct peer *a, const struct peer *b) {
	return a->known && b->known && a->pid == b->pid && a->uid == b->uid && a->gid == b->gid &&
	       a->unique == b->unique;
}

/* PID and version: both together are never given again, and each exec makes another one. */
static uint64_t unique_of(pid_t pid, uint32_t version) {
	return (uint64_t)version << 32 | (uint32_t)pid;
}

bool platform_peer_alive(const struct peer *peer) {
	uint32_t version;

	return peer->known && lookup_version(&version, peer->pid) == 0 &&
	       peer->unique == unique_of(peer->pid, version);
}

/* There is nothing to switch on. */
int platform_identify_writers(int socket_fd) {
	(void)socket_fd;
	return 0;
}

/* What our end of the connection is connected to, as the kernel calls it for everybody. */
static struct connection_id identify_connection(int socket_fd) {
	struct darwin_socket socket;

	if (lookup_socket(&socket, getpid(), socket_fd) < 0 || socket.other == 0)
		return (struct connection_id){0};
	return (struct connection_id){.inode = 1, .cookie = socket.other};
}

static bool read_option(int socket_fd, int option, void *value, size_t size) {
	socklen_t len = (socklen_t)size;

	return getsockopt(socket_fd, SOL_LOCAL, option, value, &len) == 0 && len == size;
}

/* Unknown where the other end is gone, or changed hands while we asked, or was connected by another
 * user than uses it. */
static struct peer read_peer(int socket_fd) {
	uint8_t bytes[DARWIN_TOKEN_SIZE];
	struct darwin_token token;
	struct xucred connected;
	pid_t before, after;

	if (!read_option(socket_fd, LOCAL_PEERPID, &before, sizeof(before)) ||
	    !read_option(socket_fd, LOCAL_PEERTOKEN, bytes, sizeof(bytes)) ||
	    !read_option(socket_fd, LOCAL_PEERPID, &after, sizeof(after)) ||
	    !read_option(socket_fd, LOCAL_PEERCRED, &connected, sizeof(connected)) ||
	    connected.cr_version != XUCRED_VERSION || darwin_token_parse(&token, BYTES(bytes)) < 0)
		return PEER_UNKNOWN;
	if (token.pid != before || token.pid != after || token.uid != connected.cr_uid)
		return PEER_UNKNOWN;
	return (struct peer){.known = true,
	                     .pid = token.pid,
	                     .uid = token.uid,
	                     .gid = token.gid,
	                     .pidfd = -1,
	                     .unique = unique_of(token.pid, token.version),
	                     .by_connection = true,
	                     .connection = identify_connection(socket_fd)};
}

int platform_connector(struct peer *ret_peer, int socket_fd) {
	*ret_peer = read_peer(socket_fd);
	return 0;
}

static void close_descriptors(const struct cmsghdr *header) {
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		close_fd(&fd);
	}
}

static void close_passed(struct msghdr *message) {
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
			close_descriptors(header);
}

/* Asked before and after: two that take turns at one end are not glued to one. */
int platform_read(struct peer *ret_writer, int socket_fd, void *buffer, size_t size,
                  size_t *ret_len) {
	union {
		struct cmsghdr align;
		char bytes[8192]; /* more descriptors than one message has */
	} control;
	struct iovec data = {.iov_base = buffer, .iov_len = size};
	struct msghdr message = {.msg_iov = &data,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	struct peer before = read_peer(socket_fd), after;
	ssize_t len;

	do {
		len = recvmsg(socket_fd, &message, MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	close_passed(&message);
	after = read_peer(socket_fd);
	*ret_writer = peer_same(&before, &after) ? after : PEER_UNKNOWN;
	*ret_len = (size_t)len;
	return 0;
}

int platform_own_listener(struct stat *ret, int dir_fd, const char *name) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(peer_deinit) struct peer listener = PEER_UNKNOWN;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[MAXPATHLEN];
	struct stat before, after;
	int len;

	if (fcntl(dir_fd, F_GETPATH, directory) < 0 ||
	    fstatat(dir_fd, name, &before, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (platform_socket(&fd, false) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    platform_connector(&listener, fd) < 0 || !listener.known || listener.pid != getpid())
		return -ESTALE;
	if (fstatat(dir_fd, name, &after, AT_SYMLINK_NOFOLLOW) < 0 ||
	    before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return -ESTALE;
	*ret = after;
	return 0;
}

int platform_peer_of(struct peer *ret, pid_t pid) {
	struct darwin_process process;
	uint32_t version;
	int error = lookup_version(&version, pid);

	if (error == 0)
		error = lookup_process(&process, pid);
	if (error < 0)
		return error;
	*ret = (struct peer){.known = true,
	                     .pid = pid,
	                     .uid = process.uid,
	                     .gid = (gid_t)-1,
	                     .pidfd = -1,
	                     .unique = unique_of(pid, version),
	                     .by_connection = true};
	return 0;
}

int platform_process_watch(int *ret_fd, pid_t pid) {
	CLEANUP(close_fd) int queue = kqueue();
	struct kevent ends;

	if (queue < 0 || fcntl(queue, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	EV_SET(&ends, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	if (kevent(queue, &ends, 1, NULL, 0, NULL) < 0)
		return -errno;
	*ret_fd = take_fd(&queue);
	return 0;
}

/* The event stays in the queue, because nobody takes it out. */
bool platform_process_lives(int watch_fd) {
	struct pollfd ended = {.fd = watch_fd, .events = POLLIN};
	int n;

	do {
		n = poll(&ended, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n == 0;
}
