/* The side of those who ask. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/control_parts.h"
#include "platform/platform.h"

#define ANSWER_LEN_MAX ((size_t)2 * 1024 * 1024) /* a status has two whole events in it */
#define END_WAIT_MS                                                                   \
	10000 /* a guard ends its agent and connections, or waits for a disk: moments \
	       */

/* The request and its newline, from where it lies. */
static int send_line(int fd, const char *request) {
	struct iovec parts[] = {{(void *)(uintptr_t)request, strlen(request)}, {(char[]){'\n'}, 1}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t len = sendmsg(fd, &message, MSG_NOSIGNAL);

	if (len < 0)
		return -errno;
	/* A new socket takes so little at once. */
	return (size_t)len == parts[0].iov_len + 1 ? 0 : -EMSGSIZE;
}

/* Whether whoever listens there may be the guard. That one lets nobody look into it, so that only
 * an impostor that does can be seen; root sees both. */
static bool is_our_program(int fd) {
	CLEANUP(peer_deinit) struct peer peer = PEER_UNKNOWN;

	return platform_connector(&peer, fd) == 0 && peer.known && platform_peer_alive(&peer) &&
	       platform_runs_our_program(&peer) != TRI_NO;
}

/* Reads to the end of the stream, or for as long as there is something. 0: to the end. */
static int receive(struct buffer *answer, int fd) {
	uint8_t chunk[1024];

	for (;;) {
		ssize_t len = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

		if (len < 0)
			return -errno;
		if (len == 0)
			return buffer_error(answer);
		if (answer->len + (size_t)len > ANSWER_LEN_MAX)
			return -EMSGSIZE;
		buffer_put_raw(answer, (struct bytes){chunk, (size_t)len});
	}
}

static int receive_all(struct buffer *answer, int fd, int timeout_ms) {
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int error;

		if (poll(&ready, 1, timeout_ms) <= 0)
			return -ETIMEDOUT;
		error = receive(answer, fd);
		if (error != -EAGAIN && error != -EINTR)
			return error;
	}
}

/* What the guard says, apart from its first line. */
static int take_result(struct buffer *answer) {
	static const struct {
		const char *line;
		int result;
	} lines[] = {{"ok\n", 0}, {"failed\n", 1}, {"again\n", CONTROL_MAY_TYPE_AGAIN}};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t len = strlen(lines[i].line);

		if (answer->len < len || memcmp(answer->data, lines[i].line, len) != 0)
			continue;
		buffer_drop(answer, len);
		return lines[i].result;
	}
	return -EPROTO;
}

/* waits: for room in the queue of those who ask, where that is full. */
static int begin(int *ret_fd, const char *path, const char *request, bool waits, bool secret) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address;
	int error = control_address(&address, path);

	if (error == 0)
		error = platform_socket(&fd, waits);
	if (error < 0)
		return error;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (!control_is_allowed(fd))
		return -EPERM;
	if (secret && !is_our_program(fd))
		return -EXDEV;
	error = send_line(fd, request);
	if (error == 0)
		*ret_fd = take_fd(&fd);
	return error;
}

static int ask(struct buffer *answer, const char *path, const char *request, int timeout_ms,
               bool secret) {
	CLEANUP(close_fd) int fd = -1;
	int error = begin(&fd, path, request, true, secret);

	if (error == 0)
		error = receive_all(answer, fd, timeout_ms);
	return error < 0 ? error : take_result(answer);
}

int control_ask(struct buffer *answer, const char *path, const char *request, bool patiently) {
	return ask(answer, path, request, patiently ? END_WAIT_MS : (int)(CONTROL_TIMEOUT_S * 1000),
	           false);
}

int control_ask_secret(struct buffer *answer, const char *path, const char *request,
                       double timeout_s) {
	return ask(answer, path, request, (int)(timeout_s * 1000), true);
}

int control_begin_to_ask(int *ret_fd, const char *path, const char *request, bool waits) {
	return begin(ret_fd, path, request, waits, false);
}

int control_begin_to_ask_secret(int *ret_fd, const char *path, const char *request) {
	return begin(ret_fd, path, request, true, true);
}

int control_go_on_asking(struct buffer *answer, int fd) {
	int error = receive(answer, fd);

	return error < 0 ? error : take_result(answer);
}
