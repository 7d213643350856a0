/*
 * Who wrote what came through a socket, as the kernel says. Debian 12's headers are older than its
 * users' kernels, so that the younger constants stand here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "platform/platform.h"

#if defined(__hppa__) || defined(__sparc__)
#error "the socket options of this architecture have other numbers"
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif
#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

#define PASSED_FDS_MAX 253 /* the kernel's own limit for one message (SCM_MAX_FD) */

void peer_deinit(struct peer *peer) {
	if (peer->known)
		close_fd(&peer->pidfd);
	*peer = PEER_UNKNOWN;
}

static bool has_exited(int pidfd) {
	struct pollfd exited = {.fd = pidfd, .events = POLLIN};
	int ready;

	/* A signal that comes just now, such as for a child of ours, ends even this. */
	do
		ready = poll(&exited, 1, 0);
	while (ready < 0 && errno == EINTR);
	return ready != 0;
}

/* Since Linux 6.9 a pidfd has an inode of its own for each process, which outlives it; before, all
 * pidfds share one. */
static uint64_t unique_of(int pidfd) {
	struct statfs fs;
	struct stat status;

	return pidfd >= 0 && fstatfs(pidfd, &fs) == 0 && fs.f_type == PID_FS_MAGIC &&
	                       fstat(pidfd, &status) == 0
	               ? status.st_ino
	               : 0;
}

bool peer_same(const struct peer *a, const struct peer *b) {
	if (!a->known || !b->known || a->pid != b->pid || a->uid != b->uid || a->gid != b->gid)
		return false;
	if (a->unique != 0 || b->unique != 0)
		return a->unique == b->unique;
	if (a->pidfd < 0 && b->pidfd < 0)
		return true;
	if (a->pidfd < 0 || b->pidfd < 0)
		return false;
	/* Two that live at the same time have not the same number by chance. */
	return !has_exited(a->pidfd) && !has_exited(b->pidfd);
}

bool platform_peer_alive(const struct peer *peer) {
	if (!peer->known)
		return false;
	if (peer->pidfd >= 0)
		return !has_exited(peer->pidfd);
	return kill(peer->pid, 0) == 0 || errno == EPERM;
}

/* An older kernel does without. */
static int set_if_known(int fd, int option, int value) {
	if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) < 0 && errno != ENOPROTOOPT)
		return -errno;
	return 0;
}

int platform_identify_writers(int socket_fd) {
	const int on = 1;
	int error;

	if (setsockopt(socket_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	error = set_if_known(socket_fd, SO_PASSPIDFD, 1);
	return error < 0 ? error : set_if_known(socket_fd, SO_PASSRIGHTS, 0);
}

static void close_all(const struct cmsghdr *header) {
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		close_fd(&fd);
	}
}

/* Takes the writer out of the control messages, and closes every other descriptor in them. */
static struct peer take_writer(struct msghdr *message) {
	struct peer writer = PEER_UNKNOWN;
	bool has_pidfd = false, has_credentials = false;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		struct ucred credentials;

		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_CREDENTIALS &&
		    header->cmsg_len == CMSG_LEN(sizeof(credentials))) {
			memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
			writer.pid = credentials.pid;
			writer.uid = credentials.uid;
			writer.gid = credentials.gid;
			has_credentials = true;
		} else if (header->cmsg_type == SCM_PIDFD &&
		           header->cmsg_len == CMSG_LEN(sizeof(int)) && !has_pidfd) {
			memcpy(&writer.pidfd, CMSG_DATA(header), sizeof(int));
			has_pidfd = true;
		} else if (header->cmsg_type == SCM_RIGHTS) {
			close_all(header);
		}
	}
	/* PID 0 is a writer of whom no PID can be said here: it lives in another PID namespace. */
	writer.known = has_credentials && writer.pid > 0 && (!has_pidfd || writer.pidfd >= 0) &&
	               (message->msg_flags & MSG_CTRUNC) == 0;
	if (!writer.known) {
		close_fd(&writer.pidfd);
		writer = PEER_UNKNOWN;
	}
	writer.unique = unique_of(writer.pidfd);
	return writer;
}

static struct connection_id identify_connection(int socket_fd) {
	struct connection_id id = {0};
	socklen_t len = sizeof(id.cookie);
	struct stat status;

	if (fstat(socket_fd, &status) < 0 || status.st_ino > UINT32_MAX ||
	    getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, &id.cookie, &len) < 0)
		return (struct connection_id){0};
	id.inode = (uint32_t)status.st_ino;
	return id;
}

int platform_read(struct peer *ret_writer, int socket_fd, void *buffer, size_t size,
                  size_t *ret_len) {
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) +
		           CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
	} control;
	struct iovec data = {.iov_base = buffer, .iov_len = size};
	struct msghdr message = {.msg_iov = &data,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	ssize_t len;

	do {
		len = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	*ret_writer = take_writer(&message);
	ret_writer->connection = identify_connection(socket_fd);
	*ret_len = (size_t)len;
	return 0;
}

int platform_connector(struct peer *ret_peer, int socket_fd) {
	struct ucred credentials;
	socklen_t len = sizeof(credentials);
	int pidfd = -1;

	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
		return -errno;
	*ret_peer = PEER_UNKNOWN;
	len = sizeof(pidfd);
	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0) {
		/* Another error says that the kernel could give one, but has nobody to name. */
		if (errno != ENOPROTOOPT)
			return 0;
		pidfd = -1;
	}
	if (credentials.pid <= 0) {
		close_fd(&pidfd);
		return 0;
	}
	*ret_peer = (struct peer){.known = true,
	                          .pid = credentials.pid,
	                          .uid = credentials.uid,
	                          .gid = credentials.gid,
	                          .pidfd = pidfd,
	                          .unique = unique_of(pidfd),
	                          .connection = identify_connection(socket_fd)};
	return 0;
}

int platform_own_listener(struct stat *ret, int dir_fd, const char *name) {
	/* By that name there might be another one a moment later; by the descriptor not. */
	CLEANUP(close_fd) int path_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(peer_deinit) struct peer listener = PEER_UNKNOWN;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;

	if (path_fd < 0 || fstat(path_fd, &status) < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", path_fd);
	if (platform_socket(&fd, false) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    platform_connector(&listener, fd) < 0 || !listener.known || listener.pid != getpid())
		return -ESTALE;
	*ret = status;
	return 0;
}
