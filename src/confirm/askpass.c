#include "confirm/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/short_env.h"
#include "confirm/window.h"
#include "platform/platform.h"

#define OUTPUT_LEN_MAX 16 /* "yes" or nothing; more is no yes */

struct askpass {
	struct ev_loop *loop;
	askpass_done *done;
	void *data;
	pid_t pid; /* 0: it has ended */
	int output_fd;
	ev_child child;
};

const char *askpass_program(void) {
	const char *program = getenv("SSH_ASKPASS");

	return program != NULL && program[0] == '/' ? program : NULL;
}

/* As far as the system can; where it cannot, the window is as it is. */
static int confine(const char *program) {
	int error = window_confine(program);

	return error == -ENOSYS ? 0 : error;
}

/* In the child, which has a copy of our memory to waste. */
static _Noreturn void child_run(const char *program, const char *text, int output, pid_t parent) {
	char *environment[SHORT_ENV_SIZE];
	char *const argv[] = {strdup(program), strdup(text), NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	short_env(environment, strdup("SSH_ASKPASS_PROMPT=confirm"));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (platform_die_with_parent(parent) == 0 && setsid() >= 0 && chdir("/") == 0 &&
	    dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 && platform_close_from(STDERR_FILENO + 1) == 0 &&
	    confine(program) == 0)
		execve(program, argv, environment);
	_exit(127);
}

static bool is_yes(int output_fd) {
	char output[OUTPUT_LEN_MAX];
	ssize_t len = read(output_fd, output, sizeof(output));

	/* As ssh-agent: nothing but its status, or the word. */
	if (len < 0)
		return errno == EAGAIN;
	if (len > 0 && output[len - 1] == '\n')
		len--;
	return len == 0 || (len == 3 && strncasecmp(output, "yes", 3) == 0);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct askpass *askpass = watcher->data;
	int status = watcher->rstatus;
	enum askpass_answer answer = ASKPASS_NO;

	(void)revents;
	askpass->pid = 0;
	ev_child_stop(loop, watcher);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
		answer = ASKPASS_FAILED;
	else if (WEXITSTATUS(status) == 0 && is_yes(askpass->output_fd))
		answer = ASKPASS_YES;
	askpass->done(askpass->data, answer);
}

int askpass_start(struct askpass **ret, struct ev_loop *loop, const char *program, const char *text,
                  askpass_done *done, void *data) {
	struct askpass *askpass = calloc(1, sizeof(*askpass));
	CLEANUP(close_fd) int output = -1;
	pid_t parent = getpid();
	int pipe_fds[2], error;

	if (askpass == NULL)
		return -ENOMEM;
	error = platform_pipe(pipe_fds, false);
	if (error < 0) {
		free(askpass);
		return error;
	}
	output = pipe_fds[1];
	*askpass = (struct askpass){
		.loop = loop, .done = done, .data = data, .output_fd = pipe_fds[0]};
	askpass->pid = fork();
	if (askpass->pid == 0)
		child_run(program, text, output, parent);
	ev_child_init(&askpass->child, on_child, askpass->pid, 0);
	askpass->child.data = askpass;
	if (askpass->pid < 0) {
		error = -errno;
		askpass_free(askpass);
		return error;
	}
	ev_child_start(loop, &askpass->child);
	*ret = askpass;
	return 0;
}

void askpass_free(struct askpass *askpass) {
	if (askpass == NULL)
		return;
	ev_child_stop(askpass->loop, &askpass->child);
	/* Its group, once it has one of its own; the loop waits for it. */
	if (askpass->pid > 0 && kill(-askpass->pid, SIGKILL) < 0)
		kill(askpass->pid, SIGKILL);
	close_fd(&askpass->output_fd);
	free(askpass);
}
