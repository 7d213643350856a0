#include "sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"
#include "sandbox/inside.h"

static const int job_signals[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
#define JOB_SIGNALS (sizeof(job_signals) / sizeof(job_signals[0]))

/* A handler has nothing else to know it by. 0: none runs yet, or it has ended. */
static volatile sig_atomic_t program;
static volatile sig_atomic_t came_early; /* a signal for it from before it ran */

/* What the terminal sends goes to the whole job, so the program has it already. */
static void on_signal(int number, siginfo_t *info, void *context) {
	int error = errno;

	(void)context;
	if (info->si_code <= 0 && program > 0)
		kill((pid_t)program, number);
	else if (info->si_code <= 0)
		came_early = number;
	errno = error;
}

unsigned long launch_signals_ignored(void) {
	unsigned long mask = 0;

	for (size_t i = 0; i < JOB_SIGNALS; i++) {
		struct sigaction before;

		if (sigaction(job_signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			mask |= 1UL << job_signals[i];
	}
	return mask;
}

void launch_signals_restore(unsigned long ignored) {
	for (size_t i = 0; i < JOB_SIGNALS; i++)
		signal(job_signals[i], (ignored & 1UL << job_signals[i]) != 0 ? SIG_IGN : SIG_DFL);
}

static void pass_signals_on(void) {
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < JOB_SIGNALS; i++)
		sigaction(job_signals[i], &action, NULL);
}

static bool is_kept(int fd, const int *kept, size_t n_kept) {
	for (size_t i = 0; i < n_kept; i++)
		if (kept[i] == fd)
			return true;
	return false;
}

/* Descriptors that whoever called us left open are no business of the program's. */
static int keep_only(const int *kept, size_t n_kept) {
	int highest = STDERR_FILENO;

	for (size_t i = 0; i < n_kept; i++) {
		if (fcntl(kept[i], F_SETFD, 0) < 0)
			return -errno;
		if (kept[i] > highest)
			highest = kept[i];
	}
	for (int fd = STDERR_FILENO + 1; fd < highest; fd++)
		if (!is_kept(fd, kept, n_kept))
			close(fd);
	return platform_close_from(highest + 1);
}

/* bubblewrap is not to end at a Ctrl-C that is meant for the program, which gets back what was. */
static _Noreturn void become_bubblewrap(char *const argv[], const int *kept, size_t n_kept,
                                        pid_t parent) {
	for (size_t i = 0; i < JOB_SIGNALS; i++)
		signal(job_signals[i], SIG_IGN);
	if (platform_die_with_parent(parent) == 0 && keep_only(kept, n_kept) == 0)
		execv(argv[0], argv);
	_exit(127);
}

/* One message and the process that sent it. false: none will come any more. */
static bool receive(struct inside_message *ret, pid_t *ret_sender, int fd) {
	struct iovec part = {ret, sizeof(*ret)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	struct ucred sender = {0};
	ssize_t len;

	do {
		len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof(*ret))
		return false;
	if (message.msg_controllen >= CMSG_LEN(sizeof(sender)) &&
	    control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_CREDENTIALS)
		memcpy(&sender, CMSG_DATA(&control.header), sizeof(sender));
	*ret_sender = sender.pid;
	return true;
}

/* Once the program has been started, nothing that comes by the channel can be its own: it does not
 * have it. */
static void follow(struct launch_result *result, int fd, const struct launch_calls *calls) {
	struct inside_message message;
	pid_t sender;

	while (receive(&message, &sender, fd)) {
		switch (message.news) {
		case INSIDE_READY:
			program = sender;
			if (came_early != 0)
				kill(sender, came_early);
			calls->ready(calls->data);
			break;
		case INSIDE_OPEN:
			*result = (struct launch_result){LAUNCH_NO_LANDLOCK, message.number};
			return;
		case INSIDE_FAILED:
			*result = (struct launch_result){LAUNCH_NO_PROGRAM, message.number};
			return;
		case INSIDE_EXITED:
			*result = (struct launch_result){LAUNCH_EXITED, message.number};
			return;
		case INSIDE_KILLED:
			*result = (struct launch_result){LAUNCH_KILLED, message.number};
			return;
		default: break;
		}
	}
}

int launch(struct launch_result *ret, char *const argv[], int our_fd, const int *kept,
           size_t n_kept, const struct launch_calls *calls) {
	const int yes = 1;
	pid_t parent = getpid(), child, ended;
	int status;

	if (setsockopt(our_fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
		return -errno;
	*ret = (struct launch_result){LAUNCH_NO_SANDBOX, 0};
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_bubblewrap(argv, kept, n_kept, parent);
	pass_signals_on();
	close(kept[0]); /* the channel's other end, so that we see when nobody has it any more */
	follow(ret, our_fd, calls);
	program = 0;
	do {
		ended = waitpid(child, &status, 0);
	} while (ended < 0 && errno == EINTR);
	/* It ended without a word: somebody killed the sandbox. */
	if (ret->end == LAUNCH_NO_SANDBOX && ended == child && WIFSIGNALED(status))
		*ret = (struct launch_result){LAUNCH_KILLED, WTERMSIG(status)};
	return 0;
}
