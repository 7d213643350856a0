/*
 * Who holds the other end of our connection, and how.
 *
 * A process that writes a request and then executes an allowed program keeps its PID, and the
 * kernel's word "PID 4117 wrote this" is then said of the wrong image. What the new image cannot
 * have is the connection in a descriptor that is close-on-exec: an exec closes those. So a writer
 * whose every descriptor of the connection is close-on-exec is the image that wrote, or at least
 * one that took the connection on of its own will.
 *
 * The other end is found by the kernel's socket diagnosis, which answers anybody, but only for the
 * network namespace it is asked in. A client in another one is not found, and nothing is known.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/linux/subject.h"

#define DESCRIPTORS_MAX 4096 /* a browser's; a caller with more is not searched */
#define ANSWER_SIZE     4096
#define FDINFO_SIZE     512

/* What the kernel says of our end: the message, and then its attributes. */
struct description {
	struct nlmsghdr header;
	struct unix_diag_msg message;
	char attributes[ANSWER_SIZE];
};

/* The attribute that tells the peer's inode; 0: it has none. */
static uint32_t find_peer(const struct description *description) {
	size_t left = description->header.nlmsg_len - offsetof(struct description, attributes);
	const char *at = description->attributes;

	while (left >= sizeof(struct rtattr)) {
		struct rtattr attribute;
		uint32_t inode;

		memcpy(&attribute, at, sizeof(attribute));
		if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > left)
			return 0;
		if (attribute.rta_type == UNIX_DIAG_PEER &&
		    attribute.rta_len == sizeof(attribute) + sizeof(inode)) {
			memcpy(&inode, at + sizeof(attribute), sizeof(inode));
			return inode;
		}
		if (RTA_ALIGN(attribute.rta_len) >= left)
			return 0;
		at += RTA_ALIGN(attribute.rta_len);
		left -= RTA_ALIGN(attribute.rta_len);
	}
	return 0;
}

/* The inode of the other end; 0: unknown. */
static uint32_t peer_inode(const struct view *view, struct connection_id connection) {
	struct {
		struct nlmsghdr header;
		struct unix_diag_req body;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
	                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                   .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = AF_UNIX,
	                 .udiag_ino = connection.inode,
	                 .udiag_show = UDIAG_SHOW_PEER,
	                 .udiag_cookie = {(uint32_t)connection.cookie,
	                                  (uint32_t)(connection.cookie >> 32)}},
	};
	const size_t shortest = offsetof(struct description, attributes);
	struct description answer;
	ssize_t len;

	if (view->diag_fd < 0 || connection.inode == 0 ||
	    send(view->diag_fd, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
		return 0;
	/* The kernel has answered before send() returns. */
	len = recv(view->diag_fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (len < (ssize_t)shortest || answer.header.nlmsg_len > (size_t)len ||
	    answer.header.nlmsg_len < shortest || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    answer.message.udiag_ino != connection.inode)
		return 0;
	return find_peer(&answer);
}

static enum tri is_close_on_exec(int dir_fd, const char *number) {
	char path[sizeof("fdinfo/") + NAME_MAX], buffer[FDINFO_SIZE];
	struct bytes text;
	bool cloexec;

	snprintf(path, sizeof(path), "fdinfo/%s", number);
	if (proc_read(&text, dir_fd, path, buffer, sizeof(buffer)) < 0 ||
	    proc_fdinfo_parse(&cloexec, text) < 0)
		return TRI_UNKNOWN;
	return cloexec ? TRI_YES : TRI_NO;
}

static enum tri search(int dir_fd, DIR *descriptors, uint32_t inode) {
	enum tri held = TRI_NO;

	for (size_t n = 0; n < DESCRIPTORS_MAX; n++) {
		const struct dirent *entry;
		char buffer[PATH_MAX + 1];
		struct bytes link;

		errno = 0;
		entry = readdir(descriptors);
		if (entry == NULL)
			return errno == 0 ? held : TRI_UNKNOWN;
		/* What it closes meanwhile it does not hold. */
		if (entry->d_name[0] == '.' ||
		    proc_link(&link, dirfd(descriptors), entry->d_name, buffer) < 0 ||
		    proc_socket_inode(link) != inode)
			continue;
		held = is_close_on_exec(dir_fd, entry->d_name);
		if (held != TRI_YES)
			return held;
	}
	return TRI_UNKNOWN;
}

enum tri subject_holds_connection(struct subject *subject, struct connection_id connection) {
	CLEANUP(close_fd) int fd = -1;
	uint32_t inode = peer_inode(subject->view, connection);
	DIR *descriptors;
	enum tri held;

	if (inode == 0)
		return TRI_UNKNOWN;
	fd = openat(subject->dir_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return TRI_UNKNOWN;
	descriptors = fdopendir(fd);
	if (descriptors == NULL)
		return TRI_UNKNOWN;
	take_fd(&fd);
	held = search(subject->dir_fd, descriptors, inode);
	closedir(descriptors);
	return held;
}

enum tri connection_holders_are_told(void) {
	struct view view = {.diag_fd = -1};
	struct connection_id ours = {.cookie = UINT64_MAX}; /* which the kernel takes for any */
	struct stat near, far;
	enum tri told = TRI_UNKNOWN;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return TRI_UNKNOWN;
	if (fstat(pair[0], &near) == 0 && fstat(pair[1], &far) == 0 && near.st_ino <= UINT32_MAX) {
		ours.inode = (uint32_t)near.st_ino;
		view.diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
		told = peer_inode(&view, ours) == far.st_ino ? TRI_YES : TRI_NO;
	}
	close_fd(&view.diag_fd);
	close(pair[0]);
	close(pair[1]);
	return told;
}
