/* Children, and how they end with us. */
#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <mach/mach_time.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/event.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform/platform.h"

/* Waits until one of both has ended; the guarded one then ends, too. */
static _Noreturn void sentinel_run(pid_t parent, pid_t guarded) {
	struct kevent ends[2], told;
	sigset_t all;
	int queue;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* What is open here would seem to be open there. */
	if (platform_close_from(0) < 0)
		kill(guarded, SIGKILL);
	queue = kqueue();
	EV_SET(&ends[0], parent, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	EV_SET(&ends[1], guarded, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	/* As long as it is our parent, its number is no other process's. */
	while (queue >= 0 && kevent(queue, ends, 2, &told, 1, NULL) < 0 && errno == EINTR)
		;
	if (getppid() == guarded)
		kill(guarded, SIGKILL);
	_exit(0);
}

/* The system sends no signal when a parent ends. So a small process waits for that, which is a
 * child of the one that is to end; it is not told apart from other children there, because it lives
 * as long as that one. */
int platform_die_with_parent(pid_t parent) {
	pid_t guarded = getpid(), sentinel = fork();

	if (sentinel < 0)
		return -errno;
	if (sentinel == 0)
		sentinel_run(parent, guarded);
	/* It may have died before. */
	return getppid() == parent ? 0 : -ESRCH;
}

/* It does not say. Of the signals of a job these two are what a person types, and then the job in the
 * foreground has it already; one that a process has sent to us alone is then taken for that, too. */
bool platform_signal_was_sent(int number, const siginfo_t *info) {
	pid_t foreground;
	int terminal;

	(void)info;
	if (number != SIGINT && number != SIGQUIT)
		return true;
	terminal = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return true;
	foreground = tcgetpgrp(terminal);
	close(terminal);
	return foreground != getpgrp();
}

/* What it says there of other signals than a child's is not written down. */
pid_t platform_signal_sender(uid_t *ret_user, const siginfo_t *info) {
	(void)ret_user, (void)info;
	return 0;
}

/* There may be a quarter of a million possible descriptors, so those that there are are asked for.
 */
int platform_close_from(int first_fd) {
	int size = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, NULL, 0);
	CLEANUP(free_pointer) struct proc_fdinfo *descriptors = NULL;
	int len;

	if (size <= 0)
		return -EIO;
	descriptors = malloc((size_t)size);
	if (descriptors == NULL)
		return -ENOMEM;
	len = proc_pidinfo(getpid(), PROC_PIDLISTFDS, 0, descriptors, size);
	if (len <= 0)
		return len == 0 ? 0 : -EIO;
	for (size_t i = 0; i < (size_t)len / sizeof(*descriptors); i++)
		if (descriptors[i].proc_fd >= first_fd)
			close(descriptors[i].proc_fd);
	return 0;
}

/* Counted in ticks of a clock whose length the machine tells. */
static uint64_t ns_of(uint64_t ticks) {
	mach_timebase_info_data_t base;

	if (mach_timebase_info(&base) != 0 || base.denom == 0)
		return 0;
	return ticks / base.denom * base.numer + ticks % base.denom * base.numer / base.denom;
}

int platform_child_time(struct child_time *ret, pid_t child) {
	struct proc_taskinfo task;
	struct rusage_info_v4 usage;
	uint64_t ran;

	errno = 0;
	if (proc_pidinfo(child, PROC_PIDTASKINFO, 0, &task, sizeof(task)) != sizeof(task) ||
	    proc_pid_rusage(child, RUSAGE_INFO_V4, (rusage_info_t *)&usage) < 0)
		return errno != 0 ? -errno : -ESRCH;
	ran = usage.ri_user_time + usage.ri_system_time;
	*ret = (struct child_time){
		.wants_processor = task.pti_numrunning > 0,
		.ran_ns = ns_of(ran),
		.waited_ns = usage.ri_runnable_time > ran ? ns_of(usage.ri_runnable_time - ran) : 0,
	};
	return 0;
}
