#include "agent/gpg_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/child.h"
#include "platform/platform.h"

/* In the child. What tells it which GnuPG is meant, and nothing else of our environment. */
static void become_gpgconf(const char *program) {
	static const char *const names[] = {"HOME", "GNUPGHOME"};
	char name[] = "gpgconf", list[] = "--list-dirs", item[] = "agent-socket";
	char *const argv[] = {name, list, item, NULL};
	char locale[] = "LC_ALL=C", path[] = "PATH=/usr/bin:/bin";
	char *environment[5] = {locale, path};
	size_t n = 2;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && asprintf(&environment[n], "%s=%s", names[i], value) >= 0)
			n++;
	}
	environment[n] = NULL;
	if (dup2(CHILD_CHANNEL_FD, STDOUT_FILENO) < 0 ||
	    fcntl(CHILD_CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0)
		return;
	execve(program, argv, environment);
}

static _Noreturn void child_run(const char *program, int fd, pid_t parent) {
	if (child_begin(fd, parent) == 0)
		become_gpgconf(program);
	_exit(127);
}

/* One line, without its end. */
static int read_line(char ret[static PATH_MAX], int fd) {
	uint64_t until_ns = clock_mono_ns() + GPG_CONF_ANSWER_MS * (uint64_t)1000000;
	size_t at = 0;

	for (;;) {
		uint64_t now_ns = clock_mono_ns();
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t len;

		if (now_ns >= until_ns ||
		    poll(&ready, 1, (int)((until_ns - now_ns) / 1000000) + 1) == 0)
			return -ETIMEDOUT;
		len = read(fd, ret + at, 1);
		if (len < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (len <= 0)
			return -EPROTO;
		if (ret[at] == '\n')
			break;
		if (++at >= PATH_MAX)
			return -EPROTO;
	}
	ret[at] = '\0';
	return ret[0] == '/' ? 0 : -EPROTO;
}

int gpg_conf_agent_socket(char **ret_path, const char *program) {
	char line[PATH_MAX];
	int ends[2];
	pid_t parent = getpid(), pid;
	int error;

	if (access(program, X_OK) < 0)
		return -errno;
	error = platform_pipe(ends, false);
	if (error < 0)
		return error;
	pid = child_fork();
	if (pid == 0)
		child_run(program, ends[1], parent);
	error = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (pid > 0) {
		error = read_line(line, ends[0]);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	if (error < 0)
		return error;
	*ret_path = strdup(line);
	return *ret_path != NULL ? 0 : -ENOMEM;
}
