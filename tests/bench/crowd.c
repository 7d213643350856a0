/*
 * Connections that other processes hold open to one socket and never use, until standard input
 * ends; "ready" is printed when all of them are open.
 *
 * usage: bench_crowd SOCKET COUNT
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EACH      10 /* a process holds */
#define COUNT_MAX 100000

static void hold(const char *path, size_t n, int ready_fd) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(STDIN_FILENO); /* whose ends the parent's alone are to be */
	close(STDOUT_FILENO);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	while (n > 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
			fprintf(stderr, "bench_crowd: %s: %s\n", path, strerror(errno));
			_exit(1);
		}
		n--;
	}
	if (write(ready_fd, "x", 1) != 1)
		_exit(1);
	close(ready_fd);
	for (;;)
		pause();
}

int main(int argc, char **argv) {
	size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : COUNT_MAX + 1, n_processes;
	int ready[2];
	char byte;

	if (n > COUNT_MAX || pipe(ready) < 0) {
		fprintf(stderr, "usage: bench_crowd SOCKET COUNT\n");
		return 2;
	}
	n_processes = (n + EACH - 1) / EACH;
	for (size_t i = 0; i < n_processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			hold(argv[1], n - i * EACH < EACH ? n - i * EACH : EACH, ready[1]);
	}
	close(ready[1]);
	for (size_t i = 0; i < n_processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
