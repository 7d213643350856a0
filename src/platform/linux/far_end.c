/*
 * The other end is found by the kernel's socket diagnosis, which answers anybody, but only for the
 * network namespace it is asked in. A client in another one is not found, and nothing is known.
 *
 * To find our end the kernel walks all Unix sockets of that namespace, which takes the longer the
 * more there are: 100 us where a thousand clients are connected. But a connection has the same
 * other end for as long as it lives, and its cookie belongs to no other socket, ever. So each is
 * asked for once. That its other end is gone meanwhile, and the inode's number another socket's,
 * is no matter: a connection without another end is hung up, and answers nobody.
 */
#include "platform/linux/far_end.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ANSWER_SIZE 4096
#define KNOWN_MAX   4096 /* connections, 64 KiB: more than a guard has open; a power of 2 */

struct known {
	uint64_t cookie;
	uint32_t inode; /* 0: nothing is known here */
};

struct far_ends {
	int diag_fd;                   /* asks the kernel about sockets; -1: it does not answer */
	struct known known[KNOWN_MAX]; /* by the cookie's last bits: the kernel counts them up */
};

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

/* As the kernel says it now. */
static uint32_t ask(int diag_fd, struct connection_id connection) {
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

	if (diag_fd < 0 || connection.inode == 0 ||
	    send(diag_fd, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
		return 0;
	/* The kernel has answered before send() returns. */
	len = recv(diag_fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (len < (ssize_t)shortest || answer.header.nlmsg_len > (size_t)len ||
	    answer.header.nlmsg_len < shortest || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    answer.message.udiag_ino != connection.inode)
		return 0;
	return find_peer(&answer);
}

int far_ends_new(struct far_ends **ret) {
	struct far_ends *ends = calloc(1, sizeof(*ends));

	if (ends == NULL)
		return -ENOMEM;
	ends->diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	*ret = ends;
	return 0;
}

void far_ends_free(struct far_ends *ends) {
	if (ends == NULL)
		return;
	close_fd(&ends->diag_fd);
	free(ends);
}

uint32_t far_end_inode(struct far_ends *ends, struct connection_id connection) {
	struct known *known = &ends->known[connection.cookie % KNOWN_MAX];

	if (connection.inode == 0)
		return 0;
	if (known->inode == 0 || known->cookie != connection.cookie)
		*known = (struct known){connection.cookie, ask(ends->diag_fd, connection)};
	return known->inode;
}

enum tri far_ends_are_told(void) {
	struct connection_id ours = {.cookie = UINT64_MAX}; /* which the kernel takes for any */
	struct stat near, far;
	enum tri told = TRI_UNKNOWN;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return TRI_UNKNOWN;
	if (fstat(pair[0], &near) == 0 && fstat(pair[1], &far) == 0 && near.st_ino <= UINT32_MAX) {
		CLEANUP(close_fd)
		int diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

		ours.inode = (uint32_t)near.st_ino;
		told = ask(diag_fd, ours) == far.st_ino ? TRI_YES : TRI_NO;
	}
	close(pair[0]);
	close(pair[1]);
	return told;
}
