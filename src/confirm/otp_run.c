#include "confirm/otp_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "platform/child.h"
#include "platform/platform.h"

#define MS_NS    UINT64_C(1000000)
#define IMAGE_FD 3

static _Noreturn void program_run(const struct otp_run *run, int in, int out, int err,
                                  pid_t parent) {
	/* Nothing of the user's: no PATH, no home, no library. */
	static char path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C";
	char *const environment[] = {path, locale, NULL};
	const struct rlimit no_core = {0, 0};
	static const int ignored[] = {0};

	child_signals(ignored);
	if (platform_die_with_parent(parent) < 0 || setsid() < 0 || chdir("/") < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		_exit(1);
	/* Each lies above these numbers: the helper has its own channel there. */
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0 || dup2(run->image_fd, IMAGE_FD) < 0 ||
	    fcntl(IMAGE_FD, F_SETFD, FD_CLOEXEC) < 0 || platform_close_from(IMAGE_FD + 1) < 0)
		_exit(1);
	platform_execute(IMAGE_FD, run->argv, environment);
	_exit(RUN_STATUS_MISSING);
}

/* false: it is at its end. What does not fit is dropped. */
static bool read_some(int fd, uint8_t *data, size_t *len) {
	uint8_t rest[256];
	bool has_room = *len < OTP_OUTPUT_MAX;
	ssize_t got = has_room ? read(fd, data + *len, OTP_OUTPUT_MAX - *len)
	                       : read(fd, rest, sizeof(rest));

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	if (has_room)
		*len += (size_t)got;
	return got > 0;
}

static enum otp_how wait_for_output(struct otp_outcome *ret, const struct otp_run *run, int out,
                                    int err) {
	uint64_t until_ns = clock_mono_ns() + (uint64_t)run->limit_ms * MS_NS;
	struct pollfd fds[] = {{.fd = run->watch_fd, .events = POLLIN},
	                       {.fd = out, .events = POLLIN},
	                       {.fd = err, .events = POLLIN}};

	while (fds[1].fd >= 0 || fds[2].fd >= 0) {
		uint64_t now_ns = clock_mono_ns();

		if (now_ns >= until_ns)
			return OTP_TOO_LATE;
		if (poll(fds, 3, (int)((until_ns - now_ns) / MS_NS) + 1) < 0 && errno != EINTR)
			return OTP_TOO_LATE;
		if (fds[0].revents != 0)
			return OTP_CALLED_OFF;
		if (fds[1].revents != 0 && !read_some(out, ret->out, &ret->out_len))
			fds[1].fd = -1;
		if (fds[2].revents != 0 && !read_some(err, ret->err, &ret->err_len))
			fds[2].fd = -1;
	}
	return OTP_ENDED;
}

/* It has closed what it writes to; if it goes on all the same, not for long. */
static int wait_for_end(pid_t pid, bool kills) {
	int status = 0;

	if (kills)
		kill(pid, SIGKILL);
	for (int i = 0; i < 100; i++) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (ended < 0 && errno != EINTR)
			return 128;
		poll(NULL, 0, 5);
	}
	kill(pid, SIGKILL);
	return 128 + SIGKILL;
}

static int put_input(int fd, struct bytes input) {
	/* Far less than a pipe holds. */
	ssize_t len = input.len > 0 ? write(fd, input.data, input.len) : 0;

	return len == (ssize_t)input.len ? 0 : -EIO;
}

static int open_pipe(int *ret_read, int *ret_write) {
	int pair[2];
	int error = platform_pipe(pair, true);

	if (error < 0)
		return error;
	*ret_read = pair[0];
	*ret_write = pair[1];
	return 0;
}

int otp_run(struct otp_outcome *ret, const struct otp_run *run) {
	CLEANUP(close_fd) int in = -1;
	CLEANUP(close_fd) int in_end = -1;
	CLEANUP(close_fd) int out = -1;
	CLEANUP(close_fd) int out_end = -1;
	CLEANUP(close_fd) int err = -1;
	CLEANUP(close_fd) int err_end = -1;
	pid_t self = getpid(), pid;
	int error = open_pipe(&in, &in_end);

	*ret = (struct otp_outcome){0};
	if (error == 0)
		error = open_pipe(&out, &out_end);
	if (error == 0)
		error = open_pipe(&err, &err_end);
	if (error == 0)
		error = put_input(in_end, run->input);
	if (error < 0)
		return error;
	close_fd(&in_end);
	pid = fork();
	if (pid == 0)
		program_run(run, in, out_end, err_end, self);
	if (pid < 0)
		return -errno;
	close_fd(&out_end);
	close_fd(&err_end);
	ret->how = wait_for_output(ret, run, out, err);
	ret->status = wait_for_end(pid, ret->how != OTP_ENDED);
	return 0;
}
