#include "caller/reader_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"

#define CHANNEL_FD       3
#define REQUEST_LEN_SIZE 64 /* above what a request has, so that a longer one is noticed */

void reader_request_encode(struct buffer *buffer, uint64_t id, const struct peer *peer) {
	buffer_put_u64(buffer, id);
	buffer_put_u32(buffer, (uint32_t)peer->pid);
	buffer_put_u32(buffer, peer->uid);
	buffer_put_u32(buffer, peer->gid);
	buffer_put_u32(buffer, peer->connection.inode);
	buffer_put_u64(buffer, peer->connection.cookie);
}

int reader_request_decode(struct reader_request *ret, struct bytes bytes) {
	struct cursor cursor = cursor_over(bytes);
	struct reader_request request = {.peer = {.known = true, .pidfd = -1}};
	uint32_t pid;

	request.id = cursor_u64(&cursor);
	pid = cursor_u32(&cursor);
	request.peer.uid = cursor_u32(&cursor);
	request.peer.gid = cursor_u32(&cursor);
	request.peer.connection.inode = cursor_u32(&cursor);
	request.peer.connection.cookie = cursor_u64(&cursor);
	if (cursor_finish(&cursor) < 0 || pid == 0 || pid > INT32_MAX)
		return -EBADMSG;
	request.peer.pid = (pid_t)pid;
	*ret = request;
	return 0;
}

/* The terminal's signals are meant for the guard, which ends its reader with itself. */
static void reset_signals(void) {
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps the channel alone. What else the guard has open (clients, the upstream) would
 * live on in here after the guard has closed it. */
static int keep_only(int fd) {
	int null_fd;

	if (dup2(fd, CHANNEL_FD) < 0)
		return -errno;
	null_fd = open("/dev/null", O_RDWR);
	/* Standard error too: whoever started the guard may wait for its end. */
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
	    dup2(null_fd, STDERR_FILENO) < 0)
		return -errno;
	return platform_close_from(CHANNEL_FD + 1);
}

static int answer(const struct view *view, const struct env_names *names,
                  const struct reader_request *request) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct caller *caller;
	int error = caller_read(&caller, view, &request->peer, names);

	if (error < 0)
		error = caller_new_unknown(&caller, &request->peer, "caller-unreadable");
	if (error < 0)
		return error;
	buffer_put_u64(&buffer, request->id);
	caller_encode(&buffer, caller);
	caller_free(caller);
	if (buffer_error(&buffer) < 0)
		return buffer_error(&buffer);
	return send(CHANNEL_FD, buffer.data, buffer.len, 0) < 0 ? -errno : 0;
}

_Noreturn void reader_child_run(int fd, pid_t parent, const struct env_names *names) {
	struct view *view;

	reset_signals();
	if (platform_die_with_parent(parent) < 0 || keep_only(fd) < 0 || view_new(&view) < 0)
		_exit(1);
	for (;;) {
		uint8_t buffer[REQUEST_LEN_SIZE];
		struct reader_request request;
		ssize_t len = recv(CHANNEL_FD, buffer, sizeof(buffer), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len == 0)
			_exit(0);
		if (len < 0 ||
		    reader_request_decode(&request, (struct bytes){buffer, (size_t)len}) < 0 ||
		    answer(view, names, &request) < 0)
			_exit(1);
	}
}
