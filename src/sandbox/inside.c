#include "sandbox/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "platform/platform.h"
#include "sandbox/handover.h"

#define PATHS_MAX 160

struct same {
	unsigned long long device, inode;
	const char *path;
};

struct inside {
	int channel;
	unsigned long ignored;
	bool confine;
	struct platform_sandbox sandbox;
	char **command;
	const char *writable[PATHS_MAX], *sockets[PATHS_MAX];
	struct same *same; /* as many as there are words */
	size_t n_same;
};

static void tell(const struct inside *inside, enum inside_news news, int number) {
	struct inside_message message = {(int32_t)news, number};

	/* Nobody is left to be told where that fails. */
	if (send(inside->channel, &message, sizeof(message), MSG_NOSIGNAL) < 0)
		return;
}

static bool take(const char **paths, size_t *count, const char *path) {
	if (*count == PATHS_MAX)
		return false;
	paths[(*count)++] = path;
	return true;
}

static bool take_same(struct inside *inside, const char *id, const char *path) {
	struct same *same = &inside->same[inside->n_same];

	if (sscanf(id, "%llx:%llx", &same->device, &same->inode) != 2)
		return false;
	same->path = path;
	inside->n_same++;
	return true;
}

static bool parse(struct inside *inside, int argc, char **argv) {
	int i = 3;

	if (argc < 4)
		return false;
	*inside = (struct inside){.same = inside->same,
	                          .channel = atoi(argv[1]),
	                          .ignored = strtoul(argv[2], NULL, 16),
	                          .confine = true};
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], INSIDE_NO_CONFINE) == 0)
			inside->confine = false;
		else if (i + 1 < argc && strcmp(argv[i], INSIDE_WRITABLE) == 0 &&
		         take(inside->writable, &inside->sandbox.n_writable, argv[i + 1]))
			i++;
		else if (i + 1 < argc && strcmp(argv[i], INSIDE_SOCKET) == 0 &&
		         take(inside->sockets, &inside->sandbox.n_sockets, argv[i + 1]))
			i++;
		else if (i + 2 < argc && strcmp(argv[i], INSIDE_SAME) == 0 &&
		         take_same(inside, argv[i + 1], argv[i + 2]))
			i += 2;
		else
			return false;
	}
	inside->sandbox.writable = inside->writable;
	inside->sandbox.sockets = inside->sockets;
	inside->command = argv + i + 1;
	return i + 1 < argc && inside->channel > STDERR_FILENO;
}

/* The one that we were executed by leads to the file outside, where it is not read-only. */
static bool keep_channel_alone(struct inside *inside) {
	const int first = STDERR_FILENO + 1;

	if (inside->channel != first && dup2(inside->channel, first) < 0)
		return false;
	inside->channel = first;
	return fcntl(first, F_SETFD, FD_CLOEXEC) == 0 && platform_close_from(first + 1) == 0;
}

static _Noreturn void become(const struct inside *inside) {
	int error = inside->confine ? platform_confine_sandbox(&inside->sandbox) : 0;

	/* Without Landlock in the kernel the launcher has decided already. */
	if (error < 0 && error != -ENOSYS) {
		tell(inside, INSIDE_OPEN, -error);
		_exit(1);
	}
	handover_signals_restore(inside->ignored);
	tell(inside, INSIDE_READY, 0);
	execvp(inside->command[0], inside->command);
	tell(inside, INSIDE_FAILED, errno);
	_exit(1);
}

/* bubblewrap finds by their names what it mounts, and another program that can write above it may
 * have exchanged one for a link since they were looked at. By now nothing of it can be changed any
 * more. */
static bool is_as_meant(const struct inside *inside) {
	struct stat status;

	for (size_t i = 0; i < inside->n_same; i++)
		if (stat(inside->same[i].path, &status) < 0 ||
		    status.st_dev != inside->same[i].device ||
		    status.st_ino != inside->same[i].inode)
			return false;
	return true;
}

/* Keys that the kernel keeps for the session outside come along with each process of it. Those of
 * the user are another's in a user namespace of its own, but for a link from the session's. Where a
 * filter around us forbids the call, as Docker's does, the program gets at none of them either. */
static int leave_keyring(void) {
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS &&
	    errno != EPERM)
		return -errno;
	return 0;
}

/* A program that stops itself, as an editor does at Ctrl-Z, may signal nobody outside; so it is
 * done for it, to the whole job, as the terminal does. This process itself goes on: one that is
 * continued before the program is would see it stopped, and stop the job again. */
static void stop_job(void) {
	kill(0, SIGTSTP);
}

static const int stop_signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};
#define STOP_SIGNALS (sizeof(stop_signals) / sizeof(stop_signals[0]))

int inside_run(int argc, char **argv) {
	struct inside inside;
	CLEANUP(free_pointer) struct same *same = calloc((size_t)argc + 1, sizeof(*same));
	int status, error;
	pid_t child;

	inside.same = same;
	if (same == NULL || !parse(&inside, argc, argv)) {
		diag_error("%s: is for `ssh-agent-guard exec` alone", argv[0]);
		return 2;
	}
	if (!keep_channel_alone(&inside))
		return 1;
	if (!is_as_meant(&inside)) {
		tell(&inside, INSIDE_EXCHANGED, 0);
		return 1;
	}
	error = leave_keyring();
	if (error < 0) {
		tell(&inside, INSIDE_FAILED, -error);
		return 1;
	}
	child = fork();
	if (child < 0) {
		tell(&inside, INSIDE_FAILED, errno);
		return 1;
	}
	if (child == 0)
		become(&inside);
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		signal(stop_signals[i], SIG_IGN);
	for (;;) {
		pid_t ended = waitpid(child, &status, WUNTRACED);

		if (ended < 0 && errno == EINTR)
			continue;
		if (ended < 0)
			return 1;
		if (!WIFSTOPPED(status))
			break;
		stop_job();
	}
	if (WIFSIGNALED(status))
		tell(&inside, INSIDE_KILLED, WTERMSIG(status));
	else
		tell(&inside, INSIDE_EXITED, WEXITSTATUS(status));
	return 0;
}
