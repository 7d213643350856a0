#include "confirm/screen_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/short_env.h"
#include "platform/child.h"
#include "platform/platform.h"

#define OUTPUT_MAX 64 /* one word; what fills it is none */
#define NOT_RUN    127

struct screen_command {
	struct ev_loop *loop;
	screen_command_done *done;
	void *data;
	pid_t pid; /* 0: none runs */
	int fd;
	bool is_late; /* it was given up and killed, and has not died yet */
	ev_child ended;
	ev_timer limit;
};

enum screen_told screen_told_of(struct bytes output) {
	static const struct {
		const char *word;
		enum screen_told told;
	} words[] = {{"unlocked", SCREEN_TOLD_UNLOCKED},
	             {"locked", SCREEN_TOLD_LOCKED},
	             {"remote", SCREEN_TOLD_REMOTE}};

	if (output.len > 0 && output.data[output.len - 1] == '\n')
		output.len--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (bytes_equal_text(output, words[i].word))
			return words[i].told;
	return SCREEN_TOLD_NOTHING;
}

/* The words are the policy's, of which the child has a copy. */
static _Noreturn void child_run(int fd, char *const words[], pid_t parent) {
	static const int ignored[] = {0};
	char *environment[SHORT_ENV_SIZE];

	if (child_begin(fd, parent) < 0 || setsid() < 0 || chdir("/") < 0 ||
	    dup2(CHILD_CHANNEL_FD, STDOUT_FILENO) < 0 || platform_close_from(CHILD_CHANNEL_FD) < 0)
		_exit(1);
	child_signals(ignored);
	short_env(environment, NULL);
	execve(words[0], words, environment);
	_exit(NOT_RUN);
}

/* With what it has started, once it has a group of its own. */
static void kill_all(pid_t pid) {
	if (kill(-pid, SIGKILL) < 0)
		kill(pid, SIGKILL);
}

static void let_go(struct screen_command *command) {
	ev_child_stop(command->loop, &command->ended);
	ev_timer_stop(command->loop, &command->limit);
	close_fd(&command->fd);
	command->pid = 0;
	command->is_late = false;
}

/* NULL: it ended as it should. */
static const char *why_not(int status) {
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN)
		return "its program cannot be run";
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return "it failed";
	return NULL;
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct screen_command *command = watcher->data;
	const char *why = why_not(watcher->rstatus);
	bool is_late = command->is_late;
	uint8_t output[OUTPUT_MAX];
	ssize_t len = read(command->fd, output, sizeof(output));
	enum screen_told told = len > 0 ? screen_told_of((struct bytes){output, (size_t)len})
	                                : SCREEN_TOLD_NOTHING;

	(void)loop, (void)revents;
	/* What it left running in its group would wait for nobody. */
	kill(-command->pid, SIGKILL);
	let_go(command);
	if (is_late)
		return;
	if (why == NULL && told == SCREEN_TOLD_NOTHING)
		why = "it printed none of the words unlocked, locked and remote";
	command->done(command->data, why == NULL ? told : SCREEN_TOLD_NOTHING, why);
}

/* A process that waits for a file system is not ended by any signal, so nobody waits for its end.
 */
static void on_limit(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct screen_command *command = watcher->data;

	(void)loop, (void)revents;
	command->is_late = true;
	kill_all(command->pid);
	command->done(command->data, SCREEN_TOLD_NOTHING,
	              "it took longer than 2 s, and was killed");
}

int screen_command_run(struct screen_command *command, char *const words[]) {
	pid_t parent = getpid();
	int pair[2];
	int error;

	if (command->pid != 0)
		return command->is_late ? -EBUSY : 0;
	error = platform_pipe(pair, true);
	if (error < 0)
		return error;
	/* Ours alone: a program that is not used to that would take it for an error. */
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
		close(pair[0]);
		close(pair[1]);
		return -EIO;
	}
	command->pid = child_fork();
	if (command->pid == 0)
		child_run(pair[1], words, parent);
	close(pair[1]);
	if (command->pid < 0) {
		command->pid = 0;
		close(pair[0]);
		return -EAGAIN;
	}
	command->fd = pair[0];
	ev_child_set(&command->ended, command->pid, 0);
	ev_child_start(command->loop, &command->ended);
	ev_now_update(command->loop);
	ev_timer_set(&command->limit, SCREEN_COMMAND_S, 0.);
	ev_timer_start(command->loop, &command->limit);
	return 0;
}

bool screen_command_runs(const struct screen_command *command) {
	return command->pid != 0 && !command->is_late;
}

void screen_command_stop(struct screen_command *command) {
	if (command->pid == 0)
		return;
	kill_all(command->pid); /* the loop waits for whoever ends */
	let_go(command);
}

int screen_command_new(struct screen_command **ret, struct ev_loop *loop, screen_command_done *done,
                       void *data) {
	struct screen_command *command = calloc(1, sizeof(*command));

	if (command == NULL)
		return -ENOMEM;
	*command = (struct screen_command){.loop = loop, .done = done, .data = data, .fd = -1};
	ev_init(&command->ended, on_ended);
	ev_init(&command->limit, on_limit);
	command->ended.data = command->limit.data = command;
	*ret = command;
	return 0;
}

void screen_command_free(struct screen_command *command) {
	if (command == NULL)
		return;
	screen_command_stop(command);
	free(command);
}
