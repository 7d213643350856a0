#include "agent/renderer_command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/short_env.h"
#include "log/status.h"
#include "platform/child.h"
#include "platform/platform.h"

#define STATUS_LEN_MAX (512 * 1024) /* two events, and what else there is */

/* Where the older one has its state, and its scripts look for it. */
#define OLD_STATE ".local/state/ssh-ag"

/* More than a window needs: which tmux, which compositor, and where the user's files are. */
static const char *const passed_on[] = {
	"TMUX_TMPDIR", "SWAYSOCK", "I3SOCK",          "USER",
	"LOGNAME",     "TZ",       "XDG_CONFIG_HOME", "XDG_STATE_HOME"};
#define PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

#define STATE_FD (CHILD_CHANNEL_FD + 1)

/* ---- the status, where such programs look for it ---- */

static int make_old_directory(int *ret_fd, const char *path) {
	struct stat status;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return directory_make_private(ret_fd, path);
	if (fd < 0)
		return -errno;
	/* The older one made it with more rights than we would. */
	if (fstat(fd, &status) < 0 || status.st_uid != geteuid() || (status.st_mode & 022) != 0) {
		close(fd);
		return -EPERM;
	}
	*ret_fd = fd;
	return 0;
}

static bool is_same_directory(int a, int b) {
	struct stat status_a, status_b;

	return fstat(a, &status_a) == 0 && fstat(b, &status_b) == 0 &&
	       status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

/* One that is the same already keeps its time, by which a script tells what is news. */
static int copy_file(int to_fd, int from_fd, const char *name) {
	CLEANUP(buffer_deinit) struct buffer from = {0};
	CLEANUP(buffer_deinit) struct buffer to = {0};
	int error = file_read(&from, from_fd, name, STATUS_LEN_MAX, NULL);

	if (error == -ENOENT)
		return unlinkat(to_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	if (error < 0)
		return error;
	if (file_read(&to, to_fd, name, STATUS_LEN_MAX, NULL) == 0 &&
	    bytes_equal(buffer_bytes(&to), buffer_bytes(&from)))
		return 0;
	return file_replace(to_fd, name, buffer_bytes(&from));
}

/* A link is taken where it leads to our own directory, and else would lead anywhere. */
static int open_old_state(int *ret_fd, const char *path, int state_fd, bool *ret_is_ours) {
	struct stat status;
	int error = make_old_directory(ret_fd, path);

	if (error < 0)
		return error;
	*ret_is_ours = is_same_directory(*ret_fd, state_fd);
	if (!*ret_is_ours && (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode)))
		return -ELOOP;
	return 0;
}

/* *ret_path is the directory, where such programs keep files of their own, too. */
static int place_status(char **ret_path, int state_fd) {
	const char *home = getenv("HOME");
	CLEANUP(free_pointer) char *path = NULL;
	CLEANUP(close_fd) int fd = -1;
	bool is_ours = false;
	int error;

	if (home == NULL || home[0] != '/' || asprintf(&path, "%s/" OLD_STATE, home) < 0) {
		path = NULL;
		return -ENOENT;
	}
	error = open_old_state(&fd, path, state_fd, &is_ours);
	if (error == 0 && !is_ours) {
		error = copy_file(fd, state_fd, STATUS_ERRORS_FILE);
		if (error == 0)
			error = copy_file(fd, state_fd, STATUS_FILE);
	}
	if (error == 0)
		*ret_path = TAKE(path);
	return error;
}

/* ---- the program ---- */

static void add_environment(char *ret[SHORT_ENV_SIZE + PASSED_ON], char *extra) {
	size_t n = 0;

	short_env(ret, extra);
	while (ret[n] != NULL)
		n++;
	for (size_t i = 0; i < PASSED_ON; i++) {
		const char *value = getenv(passed_on[i]);

		if (value != NULL && asprintf(&ret[n], "%s=%s", passed_on[i], value) >= 0)
			n++;
	}
	ret[n] = NULL;
}

/* As much of it as the system has. Sockets are what renderers are made of, so all stay open. */
static int confine(const struct renderer_command *command, const char *old_state) {
	static const char *const sockets[] = {"/"};
	const char *writable[WRITES_MAX + 1] = {old_state};
	struct platform_sandbox sandbox = {writable, 1, sockets, 1};
	int error;

	for (size_t i = 0; command->writes != NULL && command->writes[i] != NULL; i++)
		writable[sandbox.n_writable++] = command->writes[i];
	error = platform_confine_sandbox(&sandbox);
	return error == -ENOSYS ? 0 : error;
}

/* life_fd stays open in all that it starts, by which its end is known. */
static _Noreturn void become(const struct renderer_command *command, const char *old_state,
                             char *extra, int life_fd, pid_t parent) {
	static const int ignored[] = {0};
	char *environment[SHORT_ENV_SIZE + PASSED_ON];

	add_environment(environment, extra);
	child_signals(ignored);
	if (platform_die_with_parent(parent) == 0 && platform_leave_group() == 0 &&
	    confine(command, old_state) == 0 && dup2(life_fd, CHILD_CHANNEL_FD) >= 0 &&
	    platform_close_from(CHILD_CHANNEL_FD + 1) == 0)
		execve(command->words[0], command->words, environment);
	_exit(COMMAND_NOT_RUN);
}

static _Noreturn void report(int status) {
	ssize_t written = write(CHILD_CHANNEL_FD, &status, sizeof(status));

	_exit(written != (ssize_t)sizeof(status));
}

static void run(const struct renderer_command *command, const char *old_state, char *extra) {
	pid_t ours = getpid(), pid;
	int life[2], status;
	char byte;
	ssize_t written;

	if (platform_pipe(life, true) < 0)
		return;
	pid = fork();
	if (pid == 0)
		become(command, old_state, extra, life[1], ours);
	close(life[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return;
	written = write(CHILD_CHANNEL_FD, &status, sizeof(status));
	close(CHILD_CHANNEL_FD);
	/* Nobody writes: it is readable when the last one that holds it has ended. */
	while (written > 0 && read(life[0], &byte, 1) != 0)
		if (errno != EINTR)
			break;
	_exit(0);
}

/* As CHILD_CHANNEL_FD and STATE_FD, wherever they lie. */
static int keep_two(int report_fd, int state_fd) {
	int report = fcntl(report_fd, F_DUPFD, STATE_FD + 1);
	int state = fcntl(state_fd, F_DUPFD, STATE_FD + 1);

	if (report < 0 || state < 0 || dup2(report, CHILD_CHANNEL_FD) < 0 ||
	    dup2(state, STATE_FD) < 0)
		return -errno;
	return platform_close_from(STATE_FD + 1);
}

_Noreturn void renderer_command_run(const struct renderer_command *command, int state_fd,
                                    int report_fd, pid_t parent) {
	CLEANUP(free_pointer) char *old_state = NULL;
	CLEANUP(free_pointer) char *state = NULL;
	char *extra = NULL;
	int error;

	/* Before it looks at files, which may take their time: whoever is connected to the guard
	 * waits for the last that holds his connection. */
	if (platform_die_with_parent(parent) < 0 || keep_two(report_fd, state_fd) < 0)
		_exit(1);
	error = place_status(&old_state, STATE_FD);
	if (platform_path_of(&state, STATE_FD) == 0 &&
	    asprintf(&extra, "SSH_AGENT_GUARD_STATE=%s", state) < 0)
		extra = NULL;
	if (child_begin(CHILD_CHANNEL_FD, parent) < 0 || setsid() < 0 || chdir("/") < 0)
		_exit(1);
	if (error < 0)
		report(COMMAND_NO_STATUS << 8);
	run(command, old_state, extra);
	_exit(1);
}
