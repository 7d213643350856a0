/* Child processes of a test: each waits to be told, and none outlives its test. */
#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

#include <dirent.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
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

/* Where a process's code begins, by the 26th field of its stat; 0: it has none yet. */
static inline unsigned long long code_of(pid_t pid) {
	unsigned long long start = 0;
	char path[64], text[4096];
	const char *field;
	size_t len = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file != NULL) {
		len = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[len] = '\0';
	field = strrchr(text, ')');
	if (field == NULL || field[2] == 'Z')
		abort(); /* it could not execute the program */
	for (int i = 2; field != NULL && i < 26; i++)
		field = strchr(field + 1, ' ');
	if (field != NULL)
		start = strtoull(field + 1, NULL, 10);
	return start;
}

/* Until a child's exec is complete. The child alone has the other end of this pipe, close-on-exec.
 * A fresh image is seen behind exe and has lost its descriptors some time before its arguments and
 * its environment are in place; where its code begins is told after them. */
static inline void wait_for_exec(pid_t pid, int closed_by_exec) {
	const struct timespec again = {.tv_nsec = 100 * 1000L};

	if (is_told(closed_by_exec))
		abort();
	while (code_of(pid) == 0)
		nanosleep(&again, NULL);
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
