#include "cmd/monitor_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/confirm.h"
#include "cmd/terminal.h"
#include "platform/child.h"
#include "platform/platform.h"

#define STAGE_FD 3

/* ---- the process ---- */

/* The question tells that it is asked, a newline that it was answered. */
static int ask(void *data, char *ret, size_t size, const char *question) {
	int error = terminal_ask_secret_within(ret, size, question, STAGE_FD);

	(void)data;
	return write(STAGE_FD, "\n", 1) == 1 || error < 0 ? error : -EPIPE;
}

/* What is said to people goes to the one that draws. */
static int keep_only(int text_fd, int stage_fd) {
	if (dup2(text_fd, STDOUT_FILENO) < 0 || dup2(text_fd, STDERR_FILENO) < 0 ||
	    dup2(stage_fd, STAGE_FD) < 0)
		return -errno;
	return platform_close_from(STAGE_FD + 1);
}

static int run(const struct options *options, uint64_t id, int text_fd, int stage_fd,
               pid_t parent) {
	static const int ignored[] = {SIGPIPE, 0};
	const struct confirm_way way = {.ask = ask};
	char number[24];
	enum confirm_outcome outcome;

	child_signals(ignored);
	if (platform_die_with_parent(parent) < 0 || keep_only(text_fd, stage_fd) < 0)
		return EXIT_FAILED;
	/* The guard has to see which program this is; confirm_within() closes it again. */
	platform_be_open();
	snprintf(number, sizeof(number), "%llu", (unsigned long long)id);
	outcome = confirm_within(options, number, &way);
	return fflush(stdout) == 0 && outcome == CONFIRM_SAID_YES ? EXIT_DONE : EXIT_FAILED;
}

/* ---- the monitor ---- */

static void take_text(struct answer *answer) {
	uint8_t chunk[1024];
	ssize_t len;

	while ((len = read(answer->text_fd, chunk, sizeof(chunk))) > 0)
		model_dialog_text(answer->model, (struct bytes){chunk, (size_t)len});
	if (len == 0)
		ev_io_stop(answer->loop, &answer->text);
}

static void stop(struct answer *answer) {
	ev_io_stop(answer->loop, &answer->text);
	ev_io_stop(answer->loop, &answer->stage);
	close_fd(&answer->text_fd);
	close_fd(&answer->stage_fd);
}

static void wait_for_end(struct answer *answer) {
	while (waitpid(answer->pid, NULL, 0) < 0 && errno == EINTR)
		;
	answer->pid = 0;
}

static void end(struct answer *answer) {
	wait_for_end(answer);
	take_text(answer);
	stop(answer);
	answer->calls.ended(answer->calls.data);
}

static void on_text(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct answer *answer = watcher->data;

	(void)loop, (void)revents;
	take_text(answer);
	answer->calls.changed(answer->calls.data);
}

/* Whether it goes on. */
static bool take_stage(struct answer *answer) {
	uint8_t chunk[256];
	ssize_t len = read(answer->stage_fd, chunk, sizeof(chunk));

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	if (len == 0)
		return false;
	if (chunk[0] != '\n') {
		take_text(answer); /* it was said before */
		model_dialog_asks(answer->model,
		                  (struct bytes){chunk, (size_t)len - (chunk[len - 1] == '\n')});
	}
	if (chunk[len - 1] == '\n')
		model_dialog_is_sent(answer->model);
	return true;
}

static void on_stage(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct answer *answer = watcher->data;

	(void)loop, (void)revents;
	if (take_stage(answer))
		answer->calls.changed(answer->calls.data);
	else
		end(answer);
}

void answer_look(struct answer *answer) {
	if (answer->pid != 0)
		take_stage(answer);
}

void answer_init(struct answer *answer, struct ev_loop *loop, struct model *model,
                 const struct answer_calls *calls) {
	*answer = (struct answer){
		.loop = loop, .model = model, .calls = *calls, .text_fd = -1, .stage_fd = -1};
	ev_init(&answer->text, on_text);
	ev_init(&answer->stage, on_stage);
	answer->text.data = answer->stage.data = answer;
}

/* Ours does not wait; what the process writes may. */
static int open_pipe(int *ret_ours, int *ret_its) {
	int ends[2];
	int error = platform_pipe(ends, true);

	if (error < 0)
		return error;
	*ret_ours = ends[0];
	*ret_its = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int answer_begin(struct answer *answer, const struct options *options, uint64_t id) {
	CLEANUP(close_fd) int text_fd = -1;
	CLEANUP(close_fd) int stage_fd = -1;
	pid_t parent = getpid();
	int error = open_pipe(&answer->text_fd, &text_fd);

	if (error == 0)
		error = open_pipe(&answer->stage_fd, &stage_fd);
	if (error < 0) {
		stop(answer);
		return error;
	}
	answer->pid = child_fork();
	if (answer->pid == 0)
		_exit(run(options, id, text_fd, stage_fd, parent));
	if (answer->pid < 0) {
		error = -errno;
		answer->pid = 0;
		stop(answer);
		return error;
	}
	model_open_dialog(answer->model, id);
	ev_io_set(&answer->text, answer->text_fd, EV_READ);
	ev_io_set(&answer->stage, answer->stage_fd, EV_READ);
	ev_io_start(answer->loop, &answer->text);
	ev_io_start(answer->loop, &answer->stage);
	return 0;
}

void answer_break_off(struct answer *answer) {
	if (answer->pid == 0)
		return;
	kill(answer->pid, SIGTERM);
	kill(answer->pid, SIGCONT); /* where it was stopped along with us */
	wait_for_end(answer);
	take_text(answer);
	stop(answer);
}
