/* The user's runtime directory, and what a process does to protect itself at its start. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform/platform.h"

int platform_runtime_directory(char **ret) {
	const char *named = getenv("XDG_RUNTIME_DIR");
	char path[64];

	if (named == NULL || named[0] != '/') {
		snprintf(path, sizeof(path), "/run/user/%u", (unsigned)geteuid());
		if (access(path, F_OK) < 0)
			snprintf(path, sizeof(path), "/tmp/ssh-agent-guard-%u",
				 (unsigned)geteuid());
		named = path;
	}
	*ret = strdup(named);
	return *ret != NULL ? 0 : -ENOMEM;
}

void platform_close_others(int keep_fd) {
	for (int fd = STDIN_FILENO; fd < STDERR_FILENO; fd++)
		if (fd != keep_fd)
			close(fd);
	if (keep_fd > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)keep_fd - 1, 0);
	close_range(keep_fd > STDERR_FILENO ? (unsigned)keep_fd + 1 : STDERR_FILENO + 1, ~0U, 0);
}

int platform_die_with_parent(pid_t parent) {
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH; /* it may have died before we asked */
}

int platform_harden_process(void) {
	const struct rlimit none = {0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}
