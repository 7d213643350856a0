/* Child processes of a test: each waits to be told, and none outlives its test. */
#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

#include <dirent.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork() whose child dies with the test. */
static inline pid_t fork_child(void) {
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

/* fork() that gives the child the number of one that is gone. Fails unless we are root. */
static inline pid_t fork_child_as(pid_t pid) {
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

/* A word over a pipe or socket: "I am ready", "go on". */
static inline void tell(int fd) {
	if (write(fd, "x", 1) != 1)
		_exit(1);
}

static inline bool is_told(int fd) {
	char word;

	return read(fd, &word, 1) == 1;
}

static inline _Noreturn void wait_forever(void) {
	for (;;)
		pause();
}

/* Its exit status, or -1 where it was killed. */
static inline int child_status(pid_t pid) {
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static inline void end_child(pid_t pid) {
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static inline size_t count_descriptors(void) {
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	if (directory == NULL)
		abort();
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

#endif
