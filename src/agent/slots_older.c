#include "agent/slots_older.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/diag.h"
#include "confirm/otp_older.h"
#include "platform/child.h"
#include "platform/platform.h"

#define ANSWER_MS    2000 /* a disk that sleeps takes longer, and is looked at the next time */
#define TEXT_LEN_MAX (64 * 1024)

/* Everything that it says comes by a pipe: whoever waits for the end of the guard's standard error
 * is not to wait for a child that hangs. */
static _Noreturn void be_child(int fd, int said_fd, pid_t parent, const char *home,
                               const struct confirm_older *older) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	static const int ignored[] = {SIGPIPE, 0};
	struct otp_slots found = {0};
	size_t sent = 0;

	child_signals(ignored);
	if (platform_die_with_parent(parent) < 0 || dup2(said_fd, STDERR_FILENO) < 0 ||
	    (fd != CHILD_CHANNEL_FD && dup2(fd, CHILD_CHANNEL_FD) < 0) ||
	    dup2(STDERR_FILENO, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    platform_close_from(CHILD_CHANNEL_FD + 1) < 0 || child_limit(CHILD_LOOKS_ONLY) < 0)
		_exit(1);
	otp_older_read(&found, home, older, clock_real_us());
	otp_slots_put(&text, &found);
	while (buffer_error(&text) == 0 && sent < text.len) {
		ssize_t len = write(CHILD_CHANNEL_FD, text.data + sent, text.len - sent);

		if (len < 0 && errno != EINTR)
			break;
		sent += len > 0 ? (size_t)len : 0;
	}
	buffer_deinit(&text);
	_exit(0);
}

/* All up to its end. */
static int receive(struct buffer *text, int fd) {
	const uint64_t end_ns = clock_mono_ns() + ANSWER_MS * UINT64_C(1000000);
	uint8_t chunk[4096];

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = clock_mono_ns();
		ssize_t len;

		if (now_ns >= end_ns)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)((end_ns - now_ns) / 1000000) + 1) <= 0)
			continue;
		len = read(fd, chunk, sizeof(chunk));
		if (len == 0)
			return buffer_error(text);
		if (len < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (len > 0)
			buffer_put_raw(text, (struct bytes){chunk, (size_t)len});
		if (text->len > TEXT_LEN_MAX)
			return -EFBIG;
	}
}

/* Its messages; what does not fit is not said, as on any terminal that does not take it. */
static void repeat(int said_fd) {
	uint8_t chunk[4096];
	ssize_t len = 0;

	while ((len = read(said_fd, chunk, sizeof(chunk))) > 0)
		if (write(STDERR_FILENO, chunk, (size_t)len) < 0)
			return;
}

int slots_older_read(struct otp_slots *ret, const char *home, const struct confirm_older *older) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int pipe_fds[2] = {-1, -1}, said_fds[2] = {-1, -1};
	pid_t parent = getpid(), child = -1;
	int error = platform_pipe(pipe_fds, true);

	if (error == 0)
		error = platform_pipe(said_fds, false);
	if (error == 0) {
		child = child_fork();
		error = child < 0 ? -errno : 0;
	}
	if (child == 0)
		be_child(pipe_fds[1], said_fds[1], parent, home, older);
	close_fd(&pipe_fds[1]);
	close_fd(&said_fds[1]);
	if (error == 0)
		error = receive(&text, pipe_fds[0]);
	if (child > 0) {
		repeat(said_fds[0]);
		/* Its end is the loop's to hear of: a child that hangs would keep us waiting. */
		kill(child, SIGKILL);
	}
	close_fd(&pipe_fds[0]);
	close_fd(&said_fds[0]);
	return error < 0 ? error : otp_slots_parse(ret, buffer_bytes(&text));
}
