#include "sandbox/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "platform/platform.h"

static const int job_signals[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
#define JOB_SIGNALS (sizeof(job_signals) / sizeof(job_signals[0]))

/* A handler has nothing else to know it by. 0: none runs yet, or it has ended. */
static volatile sig_atomic_t program;
static volatile sig_atomic_t came_early; /* a signal for it from before it ran */

/* What the terminal sends goes to the whole job, so the program has it already. */
static void on_signal(int number, siginfo_t *info, void *context) {
	int error = errno;

	(void)context;
	if (platform_signal_was_sent(number, info)) {
		if (program > 0)
			kill((pid_t)program, number);
		else
			came_early = number;
	}
	errno = error;
}

unsigned long handover_signals_ignored(void) {
	unsigned long mask = 0;

	for (size_t i = 0; i < JOB_SIGNALS; i++) {
		struct sigaction before;

		if (sigaction(job_signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			mask |= 1UL << job_signals[i];
	}
	return mask;
}

void handover_signals_restore(unsigned long ignored) {
	for (size_t i = 0; i < JOB_SIGNALS; i++)
		signal(job_signals[i], (ignored & 1UL << job_signals[i]) != 0 ? SIG_IGN : SIG_DFL);
}

void handover_signals_keep(void) {
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < JOB_SIGNALS; i++)
		sigaction(job_signals[i], &action, NULL);
}

bool handover_is_signal(int number) {
	for (size_t i = 0; i < JOB_SIGNALS; i++)
		if (job_signals[i] == number)
			return true;
	return false;
}

void handover_signals_to(pid_t to) {
	program = to;
	if (to > 0 && came_early != 0)
		kill(to, came_early);
}

static bool is_kept(int fd, const int *kept, size_t n_kept) {
	for (size_t i = 0; i < n_kept; i++)
		if (kept[i] == fd)
			return true;
	return false;
}

/* Descriptors that whoever called us left open are no business of the program's. */
int handover_descriptors(const int *kept, size_t n_kept) {
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
