#include "platform/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "platform/platform.h"

pid_t child_fork(void) {
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

void child_signals(const int *ignored) {
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	for (; *ignored != 0; ignored++)
		signal(*ignored, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int keep_only(int fd) {
	int null_fd;

	if (dup2(fd, CHILD_CHANNEL_FD) < 0)
		return -errno;
	null_fd = open("/dev/null", O_RDWR);
	/* Standard error too: whoever started the guard may wait for its end. */
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
	    dup2(null_fd, STDERR_FILENO) < 0)
		return -errno;
	return platform_close_from(CHILD_CHANNEL_FD + 1);
}

int child_begin(int fd, pid_t parent) {
	static const int of_terminal[] = {SIGHUP, SIGINT, SIGTSTP, SIGPIPE, 0};
	int error;

	child_signals(of_terminal);
	error = platform_die_with_parent(parent);
	return error < 0 ? error : keep_only(fd);
}
