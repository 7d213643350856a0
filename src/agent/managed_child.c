#include "agent/managed_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/platform.h"

/* What its prompts need (askpass and pinentry, on a display or a terminal), where a gpg-agent has
 * its keys, and nothing else of our environment. */
static const char *const passed_on[] = {
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"SSH_ASKPASS",
	"SSH_ASKPASS_REQUIRE",
	"GNUPGHOME",
	"GPG_TTY",
	"PINENTRY_USER_DATA",
	"TERM",
	"HOME",
	"LANG",
	"LC_ALL",
	"LC_CTYPE",
};
#define PASSED_ON    (sizeof(passed_on) / sizeof(passed_on[0]))
#define CHILD_PATH   "PATH=/usr/local/bin:/usr/bin:/bin"
#define ADDED        3  /* by the child, see pass_listeners() */
#define ABOVE_FD     10 /* out of the way of the descriptors that have a meaning */
#define ACTIVATED_FD 3  /* sd_listen_fds(3): SD_LISTEN_FDS_START */

char **managed_environment(void) {
	char **environment = calloc(PASSED_ON + ADDED + 2, sizeof(*environment));
	size_t n = 0;

	if (environment == NULL)
		return NULL;
	environment[n++] = strdup(CHILD_PATH);
	for (size_t i = 0; i < PASSED_ON; i++) {
		const char *value = getenv(passed_on[i]);
		char *entry = NULL;

		if (value != NULL && asprintf(&entry, "%s=%s", passed_on[i], value) >= 0)
			environment[n++] = entry;
	}
	return environment;
}

void managed_environment_free(char **environment) {
	for (size_t i = 0; environment != NULL && environment[i] != NULL; i++)
		free(environment[i]);
	free(environment);
}

/* As sd_listen_fds(3) says; *image_fd may have to make way. */
static int pass_listeners(const struct managed_child *child, int *image_fd) {
	static char count[] = "LISTEN_FDS=2", names[] = "LISTEN_FDNAMES=std:ssh", pid[64];
	int std_fd = fcntl(child->std_fd, F_DUPFD_CLOEXEC, ABOVE_FD);
	int ssh_fd = fcntl(child->ssh_fd, F_DUPFD_CLOEXEC, ABOVE_FD);
	size_t n = 0;

	*image_fd = fcntl(child->image_fd, F_DUPFD_CLOEXEC, ABOVE_FD);
	/* Who listens is who did so last: clients are not to take it for us, nor we for ourselves.
	 */
	if (std_fd < 0 || ssh_fd < 0 || *image_fd < 0 || listen(std_fd, SOMAXCONN) < 0 ||
	    listen(ssh_fd, SOMAXCONN) < 0 || dup2(std_fd, ACTIVATED_FD) < 0 ||
	    dup2(ssh_fd, ACTIVATED_FD + 1) < 0)
		return -errno;
	snprintf(pid, sizeof(pid), "LISTEN_PID=%d", (int)getpid());
	while (child->environment[n] != NULL)
		n++;
	child->environment[n++] = count;
	child->environment[n++] = names;
	child->environment[n] = pid;
	return 0;
}

static int output_to(int fd) {
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
	                       dup2(fd, STDERR_FILENO) < 0
	               ? -errno
	               : 0;
}

static int become_ssh_agent(const struct managed_child *child) {
	char name[] = "ssh-agent", stay[] = "-D", at[] = "-a", where[] = HIDEOUT_SOCKET;
	char *const argv[] = {name, stay, at, where, NULL};
	int error = hideout_enter(child->hideout);

	return error < 0 ? error : platform_execute(child->image_fd, argv, child->environment);
}

/* It is not in the directory of its socket, and so neither are pinentry and scdaemon. */
static int become_gpg_agent(const struct managed_child *child) {
	char name[] = "gpg-agent", supervised[] = "--supervised";
	char *const argv[] = {name, supervised, NULL};
	int image_fd = -1;
	int error = chdir("/") < 0 ? -errno : pass_listeners(child, &image_fd);

	/* As it is used to from systemd: it writes to clients that may have gone. */
	signal(SIGPIPE, SIG_IGN);
	return error < 0 ? error : platform_execute(image_fd, argv, child->environment);
}

_Noreturn void managed_child_run(const struct managed_child *child) {
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (platform_die_with_parent(child->parent) == 0 && setsid() >= 0 &&
	    output_to(child->output_fd) == 0) {
		int error = child->std_fd >= 0 ? become_gpg_agent(child) : become_ssh_agent(child);

		dprintf(STDERR_FILENO, "cannot be executed: %s\n", strerror(-error));
	}
	_exit(127);
}
