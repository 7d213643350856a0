/* start: serves in the background, and prints shell code to use it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/listener.h"
#include "agent/program_file.h"
#include "base/diag.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/shell.h"
#include "platform/platform.h"

#define READY_FD            3
#define COMES_BACK_MS       10000 /* more than twice RUNTIME_LOOK_S */
#define COMES_BACK_AGAIN_MS 100
#define MESSAGES_FILE       "messages.log"
#define MESSAGES_OLD        "messages.log.old"
#define MESSAGES_LEN_MAX    (1024 * 1024) /* looked at by people after trouble; two files at most */

static const char help[] =
	"usage: eval \"$(ssh-agent-guard start [the options of run])\"\n"
	"\n"
	"Serves in the background and prints the shell code that makes the shell use it. Where a\n"
	"guard already serves the socket, it prints the code for that one. What the guard would "
	"say\n"
	"on its terminal goes to messages.log in its state directory.\n";

struct background {
	const struct options *options;
	int ready_fd;
};

static int messages_open(const char *state) {
	CLEANUP(close_fd) int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (state_fd < 0)
		return -errno;
	if (fstatat(state_fd, MESSAGES_FILE, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    status.st_size > MESSAGES_LEN_MAX)
		renameat(state_fd, MESSAGES_FILE, state_fd, MESSAGES_OLD);
	return openat(state_fd, MESSAGES_FILE,
	              O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	                      O_CLOEXEC,
	              0600);
}

/* From here on the terminal is the shell's alone. */
static void on_ready(void *data) {
	struct background *background = data;
	CLEANUP(close_fd) int messages = messages_open(background->options->places.state);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(messages >= 0 ? messages : null, STDERR_FILENO);
	close_fd(&null);
	if (write(background->ready_fd, "r", 1) < 0)
		diag_error("start: %s", strerror(errno));
	close_fd(&background->ready_fd);
}

/* Standard output is what the shell waits for and evaluates: nothing of it may stay open here. */
static int serve(const struct options *options, int ready_fd) {
	struct background background = {options, ready_fd};
	struct daemon_options daemon;

	/* The first number behind standard error; whatever we inherited behind it goes. */
	if (ready_fd != READY_FD &&
	    (dup2(ready_fd, READY_FD) < 0 || fcntl(READY_FD, F_SETFD, FD_CLOEXEC) < 0))
		return EXIT_FAILED;
	background.ready_fd = READY_FD;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (platform_close_from(READY_FD + 1) < 0 || open("/dev/null", O_RDWR) != STDIN_FILENO ||
	    dup(STDIN_FILENO) != STDOUT_FILENO || setsid() < 0 || chdir("/") < 0) {
		diag_error("start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	daemon = options_for_daemon(options);
	daemon.ready = on_ready;
	daemon.data = &background;
	return daemon_run(&daemon);
}

/* It serves. */
static int tell_shell(const struct options *options) {
	int error = shell_print_socket(options->places.socket);

	if (error == 0)
		return EXIT_DONE;
	diag_error("start: the guard serves %s, but the line for the shell cannot be written: %s",
	           options->places.socket, strerror(-error));
	return EXIT_FAILED;
}

static int start(const struct options *options) {
	int pipe_fds[2], status;
	char ready;
	pid_t pid;
	int error = platform_pipe(pipe_fds, true);

	if (error < 0) {
		diag_error("start: %s", strerror(-error));
		return EXIT_FAILED;
	}
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[0]);
		_exit(serve(options, pipe_fds[1]));
	}
	close(pipe_fds[1]);
	if (pid < 0) {
		diag_error("start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (read(pipe_fds[0], &ready, 1) == 1)
		return tell_shell(options);
	/* It ended without being ready, and has said why. */
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return WEXITSTATUS(status);
	diag_error("start: the guard did not start");
	return EXIT_FAILED;
}

/* A session that is restored opens many shells at once, and each of them starts the guard: they
 * take turns, and find the one of the first. Where there can be no lock, the guard itself says why.
 */
static int take_turn(const char *runtime) {
	CLEANUP(close_fd) int directory = -1;
	CLEANUP(close_fd) int lock = -1;

	if (directory_make_private(&directory, runtime) < 0)
		return -1;
	lock = openat(directory, "start.lock",
	              O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	while (lock >= 0 && flock(lock, LOCK_EX) < 0 && errno == EINTR)
		;
	return take_fd(&lock);
}

static bool is_locked(const char *state) {
	CLEANUP(close_fd) int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int lock = -1;

	return state_fd >= 0 && lock_file(&lock, state_fd, "lock") == -EADDRINUSE;
}

/* Whether a guard answers. One that outlives a logout, as where systemd is to leave a user's
 * processes, has no socket until it sees that there is a place for one again, which it looks for
 * every few seconds. One that has a socket and does not answer is not waited for any longer. */
static bool is_served(const struct options *options, struct buffer *answer) {
	const struct timespec again = {.tv_nsec = COMES_BACK_AGAIN_MS * 1000000L};

	for (int ms = 0;; ms += COMES_BACK_AGAIN_MS) {
		int result = control_ask(answer, options->places.control, "status", false);

		if (result == 0)
			return true;
		if ((result != -ENOENT && result != -ECONNREFUSED) || ms >= COMES_BACK_MS ||
		    !is_locked(options->places.state))
			return false;
		nanosleep(&again, NULL);
		buffer_clear(answer);
	}
}

int cmd_start(int argc, char **argv) {
	CLEANUP(options_deinit) struct options options;
	CLEANUP(close_fd) int turn = -1;
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char **operands;

	switch (options_parse(&options, argc, argv, false, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (*operands != NULL) {
		diag_error("start: does not know what to do with %s", *operands);
		return EXIT_USAGE;
	}
	if (options.verbose)
		diag_verbose();
	turn = take_turn(options.places.runtime);
	/* In the start file of a shell this runs for every shell. */
	if (is_served(&options, &answer)) {
		diag_info("a guard already serves %s", options.places.socket);
		if (program_file_compare(buffer_bytes(&answer)) != PROGRAM_FILE_SAME)
			diag_info("it is not the program that is installed by now (%s)",
			          PROGRAM_FILE_ADVICE);
		return tell_shell(&options);
	}
	return start(&options);
}
