#include "agent/teller_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/short_env.h"
#include "platform/child.h"
#include "platform/platform.h"

/* No terminal is ours from here on, so none can stop us, and none of the guard's descriptors. */
static int begin(pid_t parent) {
	static const int ignored[] = {SIGPIPE, 0};
	int null_fd;
	int error = platform_die_with_parent(parent);

	if (error < 0)
		return error;
	child_signals(ignored);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || setsid() < 0 || chdir("/") < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(null_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDERR_FILENO) < 0)
		return -errno;
	return platform_close_from(STDERR_FILENO + 1);
}

_Noreturn void teller_child_write(unsigned terminal, struct bytes line, pid_t parent) {
	ssize_t written = -1;
	int fd;

	/* What a stopped terminal does not take is not told. */
	if (begin(parent) == 0 && child_limit(CHILD_NO_PROGRAMS | CHILD_NO_SOCKETS) == 0 &&
	    platform_terminal_open(&fd, terminal) == 0)
		written = write(fd, line.data, line.len);
	_exit(written < 0);
}

static _Noreturn void become(char *const words[], int input_fd, pid_t parent) {
	char *environment[SHORT_ENV_SIZE];

	short_env(environment, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (platform_die_with_parent(parent) == 0 && dup2(input_fd, STDIN_FILENO) >= 0 &&
	    platform_close_from(STDERR_FILENO + 1) == 0)
		execve(words[0], words, environment);
	_exit(HOOK_NOT_RUN);
}

/* A program that does not want to know more may say so by not reading it. */
static void write_all(int fd, struct bytes document) {
	for (size_t at = 0; at < document.len;) {
		ssize_t len = write(fd, document.data + at, document.len - at);

		if (len < 0 && errno != EINTR)
			return;
		if (len > 0)
			at += (size_t)len;
	}
}

_Noreturn void teller_child_run(char *const words[], struct bytes document, pid_t parent) {
	pid_t ours = getpid();
	int pipe_fds[2], status;
	pid_t pid;

	if (begin(parent) < 0 || platform_pipe(pipe_fds, true) < 0)
		_exit(1);
	pid = fork();
	if (pid == 0)
		become(words, pipe_fds[0], ours);
	if (pid < 0)
		_exit(1);
	close(pipe_fds[0]);
	write_all(pipe_fds[1], document);
	close(pipe_fds[1]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(1);
	_exit(WEXITSTATUS(status));
}
