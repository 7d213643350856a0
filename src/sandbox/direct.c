#include "sandbox/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "platform/platform.h"
#include "sandbox/handover.h"
#include "sandbox/inside.h"

static const int stop_signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};
#define STOP_SIGNALS (sizeof(stop_signals) / sizeof(stop_signals[0]))

static _Noreturn void become(char *const argv[], int channel_fd) {
	if (handover_descriptors(&channel_fd, 1) == 0)
		execv(argv[0], argv);
	_exit(127);
}

/* Until nobody has the channel's other end any more: the program does not get it. */
static bool follow(struct launch_result *result, pid_t child, int fd) {
	struct inside_message message;
	bool has_begun = false;
	size_t len;
	int error;

	for (;;) {
		error = platform_receive_message(&len, fd, &message, sizeof(message));
		if (error == -EINTR)
			continue;
		if (error < 0 || len != sizeof(message))
			break;
		if (message.news == INSIDE_READY) {
			has_begun = true;
			handover_signals_to(child);
		} else if (message.news == INSIDE_FAILED) {
			*result = (struct launch_result){LAUNCH_NO_PROGRAM, message.number};
		}
	}
	return has_begun;
}

/* What stops the program stops the whole job, as a terminal would, this process last and by itself:
 * it has taken note of the stop by then, and does not see it again when all are continued. */
static void stop_job(const struct sigaction *before) {
	struct sigaction ignored;

	kill(0, SIGTSTP);
	sigaction(SIGTSTP, before, &ignored);
	raise(SIGTSTP);
	sigaction(SIGTSTP, &ignored, NULL);
}

static int wait_for(pid_t child) {
	struct sigaction before[STOP_SIGNALS];
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	int status = 0;
	pid_t ended;

	for (size_t i = 0; i < STOP_SIGNALS; i++)
		sigaction(stop_signals[i], &ignore, &before[i]);
	do {
		ended = waitpid(child, &status, WUNTRACED);
		if (ended == child && WIFSTOPPED(status))
			stop_job(&before[0]);
	} while ((ended < 0 && errno == EINTR) || (ended == child && WIFSTOPPED(status)));
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		sigaction(stop_signals[i], &before[i], NULL);
	return status;
}

int direct_run(struct launch_result *ret, char *const argv[], int channel[2]) {
	const unsigned long ignored = handover_signals_ignored();
	bool has_begun;
	pid_t child;
	int status;

	*ret = (struct launch_result){LAUNCH_NO_SANDBOX, 0};
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become(argv, channel[1]);
	handover_signals_keep();
	close_fd(&channel[1]);
	has_begun = follow(ret, child, channel[0]);
	status = wait_for(child);
	handover_signals_to(0);
	/* What it has left running can keep us from the end of clearing up after it. */
	handover_signals_restore(ignored);
	if (ret->end == LAUNCH_NO_PROGRAM)
		return 0;
	/* Before it begins only a person ends it so; the system, where a profile does not let it
	 * begin, does it by another signal. */
	if (WIFSIGNALED(status) && (has_begun || handover_is_signal(WTERMSIG(status))))
		*ret = (struct launch_result){LAUNCH_KILLED, WTERMSIG(status)};
	else if (WIFEXITED(status) && has_begun)
		*ret = (struct launch_result){LAUNCH_EXITED, WEXITSTATUS(status)};
	return 0;
}

static void tell(int channel_fd, enum inside_news news, int number) {
	const struct inside_message message = {(int32_t)news, number};

	/* Nobody is left to be told where that fails. */
	if (platform_send_message(channel_fd,
	                          (struct bytes){(const uint8_t *)&message, sizeof(message)}) < 0)
		return;
}

int direct_inside(int argc, char **argv) {
	int channel_fd = argc >= 4 && strcmp(argv[2], "--") == 0 ? atoi(argv[1]) : -1;

	if (channel_fd <= STDERR_FILENO) {
		diag_error("%s: is for `ssh-agent-guard exec` alone", argv[0]);
		return 2;
	}
	if (fcntl(channel_fd, F_SETFD, FD_CLOEXEC) < 0)
		return 1;
	tell(channel_fd, INSIDE_READY, 0);
	execvp(argv[3], argv + 3);
	tell(channel_fd, INSIDE_FAILED, errno);
	return 1;
}
