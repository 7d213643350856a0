#include "doctor/contact.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "platform/platform.h"
#include "wire/message.h"

#define ANSWER_MS 2000 /* of an agent that is well */
#define FIRST_MS  100  /* of who speaks first */

/* Of OpenSSH's PROTOCOL.mux: what the one says first who holds the connection. */
#define MUX_HELLO     1U
#define MUX_HELLO_LEN 8U /* that, and its version, in front of extensions */

static int connect_to(int *ret_fd, const char *path) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error = platform_socket(&fd, false);

	if (error < 0)
		return error;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Reads len bytes; -ETIMEDOUT: they do not all come in time. */
static int receive(int fd, uint8_t *bytes, size_t len) {
	uint64_t end_ns = clock_mono_ns() + ANSWER_MS * UINT64_C(1000000);

	while (len > 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = clock_mono_ns();
		ssize_t got;

		if (now_ns >= end_ns ||
		    poll(&ready, 1, (int)((end_ns - now_ns) / 1000000) + 1) <= 0)
			return -ETIMEDOUT;
		got = recv(fd, bytes, len, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return -ECONNRESET;
		bytes += got;
		len -= (size_t)got;
	}
	return 0;
}

void contact_query(const char *path) {
	static const uint8_t request[] = {0,   0,   0,   10, AGENT_EXTENSION, 0, 0, 0, 5, 'q',
	                                  'u', 'e', 'r', 'y'};
	CLEANUP(close_fd) int fd = -1;
	uint8_t answer[MESSAGE_HEADER + 1];

	if (connect_to(&fd, path) < 0 ||
	    send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request) ||
	    receive(fd, answer, sizeof(answer)) < 0)
		return;
}

static int ask(struct contacted *ret, int fd) {
	static const uint8_t request[] = {0, 0, 0, 1, AGENT_REQUEST_IDENTITIES};
	uint8_t answer[MESSAGE_HEADER + 5]; /* length, type, and how many there are */
	struct cursor as_agent = cursor_over(BYTES(answer)), as_master = as_agent;
	struct pollfd first = {.fd = fd, .events = POLLIN};
	int error;

	/* An ssh would complain on somebody's terminal about what an agent is asked. */
	if (poll(&first, 1, FIRST_MS) <= 0 &&
	    send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return -EPROTO;
	error = receive(fd, answer, sizeof(answer));
	if (error < 0)
		return error;
	cursor_u32(&as_agent);
	if (cursor_u8(&as_agent) == AGENT_IDENTITIES_ANSWER) {
		ret->what = CONTACT_AGENT;
		ret->n_keys = cursor_u32(&as_agent);
		return 0;
	}
	if (cursor_u32(&as_master) < MUX_HELLO_LEN || cursor_u32(&as_master) != MUX_HELLO)
		return -EPROTO;
	ret->what = CONTACT_MASTER;
	return 0;
}

struct contacted contact_ask(const char *path) {
	CLEANUP(close_fd) int fd = -1;
	struct contacted contacted = {.what = CONTACT_NONE};

	contacted.error = connect_to(&fd, path);
	if (contacted.error < 0)
		return contacted;
	contacted.what = CONTACT_OTHER;
	contacted.error = ask(&contacted, fd);
	return contacted;
}

pid_t contact_listener(const char *path) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(peer_deinit) struct peer peer = PEER_UNKNOWN;

	if (connect_to(&fd, path) < 0 || platform_connector(&peer, fd) < 0 || !peer.known)
		return 0;
	return peer.pid;
}

int contact_greets(const char *path, const char *greeting) {
	CLEANUP(close_fd) int fd = -1;
	uint8_t said[16];
	size_t len = strlen(greeting);
	int error = len <= sizeof(said) ? connect_to(&fd, path) : -EINVAL;

	if (error == 0)
		error = receive(fd, said, len);
	if (error < 0)
		return error;
	return memcmp(said, greeting, len) == 0 ? 0 : -EPROTO;
}

bool contact_same_place(const char *a, const char *b) {
	struct stat one, other;

	return strcmp(a, b) == 0 || (stat(a, &one) == 0 && stat(b, &other) == 0 &&
	                             one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}
