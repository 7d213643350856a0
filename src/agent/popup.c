#include "agent/popup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/popup_child.h"
#include "base/diag.h"
#include "caller/tmux_clients.h"
#include "caller/tmux_server.h"
#include "platform/child.h"

#define START_S     10. /* from asking the servers to the report of what runs in the popup */
#define END_S       2.  /* for what runs in it to end, once it was told to */
#define AGAIN_S     1.  /* where nobody was there, or had another one open; doubled each time */
#define AGAIN_S_MAX 8.

enum popup_state {
	POPUP_NONE,
	POPUP_STARTS, /* its child is at work; what it opens has not reported */
	POPUP_STANDS,
	POPUP_ENDS, /* it has been told, or is gone, and not all of it has been seen to end */
};

struct popup {
	struct asker *asker;
	struct tmux_directories directories;
	enum popup_state state;
	uint64_t prompt; /* the last one that it was for */
	uint64_t left;   /* the last one that its person left */
	double again_s;
	char token[NONCE_SIZE]; /* by which its command tells that it is the one */
	pid_t pid;              /* of the child; 0: it has ended */
	int said_fd;
	char said[TMUX_CLIENT_SIZE + 1];
	size_t said_len;
	uint64_t call;  /* of its command; 0: none, or answered */
	int watch;      /* of its command */
	ev_timer timer; /* POPUP_NONE: until the next look; else the limit */
	ev_child ended;
	ev_io says, gone;
};

static struct ev_loop *loop_of(const struct popup *popup) {
	return popup->asker->guard->loop;
}

static void start_timer(struct popup *popup, double seconds) {
	struct ev_loop *loop = loop_of(popup);

	ev_timer_stop(loop, &popup->timer);
	ev_now_update(loop);
	ev_timer_set(&popup->timer, seconds, 0.);
	ev_timer_start(loop, &popup->timer);
}

/* ---- its end ---- */

static void stop_hearing(struct popup *popup) {
	ev_io_stop(loop_of(popup), &popup->says);
	close_fd(&popup->said_fd);
}

static void stop_watching(struct popup *popup) {
	ev_io_stop(loop_of(popup), &popup->gone);
	close_fd(&popup->watch);
}

/* With the tmux clients that it started; before it has a group of its own there are none. */
static void kill_child(const struct popup *popup) {
	if (popup->pid != 0 && kill(-popup->pid, SIGKILL) < 0)
		kill(popup->pid, SIGKILL);
}

static void answer_call(struct popup *popup) {
	uint64_t call = popup->call;

	popup->call = 0;
	if (call != 0 && popup->asker->control != NULL)
		control_answer(popup->asker->control, call, CONTROL_OK, bytes_of_text("over\n"));
}

/* What is shown no more may be shown again, but not at once. */
static void look_again_later(struct popup *popup) {
	start_timer(popup, popup->again_s);
	popup->again_s = popup->again_s * 2 < AGAIN_S_MAX ? popup->again_s * 2 : AGAIN_S_MAX;
}

/* Where all of it has ended. */
static void settle(struct popup *popup) {
	if (popup->state != POPUP_ENDS || popup->pid != 0 || popup->watch >= 0)
		return;
	popup->state = POPUP_NONE;
	look_again_later(popup);
	popup_look(popup);
}

static void end(struct popup *popup) {
	if (popup->state == POPUP_STARTS)
		kill_child(popup);
	popup->state = POPUP_ENDS;
	memset(popup->token, 0, sizeof(popup->token));
	stop_hearing(popup);
	answer_call(popup);
	start_timer(popup, END_S);
	settle(popup);
}

/* The command in it has ended, and the popup with it. */
static void on_gone(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct popup *popup = watcher->data;

	(void)loop, (void)revents;
	stop_watching(popup);
	popup->call = 0; /* whoever waited for its answer is no more */
	if (popup->state == POPUP_STANDS)
		end(popup);
	else
		settle(popup);
}

/* ---- its beginning ---- */

static void on_said(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct popup *popup = watcher->data;
	size_t room = sizeof(popup->said) - 1 - popup->said_len;
	ssize_t len = room > 0 ? read(popup->said_fd, popup->said + popup->said_len, room) : 0;

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0)
		popup->said_len += (size_t)len;
	else
		stop_hearing(popup);
	popup->said[popup->said_len] = '\0';
}

static void not_shown(struct popup *popup) {
	/* Where nobody is in a tmux there is nothing to tell. */
	if (popup->said_len > 1)
		diag_info("request %llu: not shown in tmux, on %s (is another popup open there?)",
		          (unsigned long long)popup->prompt, popup->said + 1);
	end(popup);
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct popup *popup = watcher->data;

	ev_child_stop(loop, watcher);
	popup->pid = 0;
	if (popup->said_fd >= 0)
		on_said(loop, &popup->says, revents);
	/* It lasts as long as its popup does; but what is in a split pane may yet report. */
	if (popup->state == POPUP_STARTS &&
	    (popup->said_len == 0 || popup->said[0] == POPUP_CHILD_POPUP))
		not_shown(popup);
	else
		settle(popup);
}

static int start_child(struct popup *popup, const struct prompt *prompt) {
	const struct asker *asker = popup->asker;
	char id[24];
	const char *const command[] = {
		asker->own_program,           "confirm", "--popup", popup->token,
		control_path(asker->control), id,        NULL};
	const struct popup_task task = {
		.directories = (const char *const *)popup->directories.paths,
		.n_directories = popup->directories.n_paths,
		.claim = prompt->question->tmux,
		.command = command,
	};
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2];
	int error = nonce_new(popup->token);

	snprintf(id, sizeof(id), "%llu", (unsigned long long)prompt->id);
	if (error == 0)
		error = platform_pipe(pair, false);
	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	popup->pid = child_fork();
	if (popup->pid == 0)
		popup_child_run(theirs, &task, parent);
	if (popup->pid < 0) {
		popup->pid = 0;
		return -EAGAIN;
	}
	popup->said_fd = take_fd(&ours);
	return 0;
}

static void start(struct popup *popup, const struct prompt *prompt) {
	struct ev_loop *loop = loop_of(popup);
	int error = start_child(popup, prompt);

	if (error < 0) {
		diag_error("tmux_popup: %s", strerror(-error));
		look_again_later(popup);
		return;
	}
	popup->state = POPUP_STARTS;
	popup->said_len = 0;
	ev_child_set(&popup->ended, popup->pid, 0);
	ev_child_start(loop, &popup->ended);
	ev_io_set(&popup->says, popup->said_fd, EV_READ);
	ev_io_start(loop, &popup->says);
	start_timer(popup, START_S);
}

/* The oldest one, if what runs in the popup could answer it. */
static const struct prompt *live_prompt(const struct popup *popup) {
	const struct prompt *prompt = broker_prompts(popup->asker->broker);

	if (prompt == NULL ||
	    (turns_answering(&prompt->turns) & ~(unsigned)CONFIRM_ASKPASS) == 0 ||
	    !policy_confirm(popup->asker->guard->policy)->tmux_popup)
		return NULL;
	return prompt;
}

/* In a turn of the loop of its own, so that whoever asks is not kept waiting by the fork. */
static void turn(struct popup *popup) {
	const struct prompt *prompt = live_prompt(popup);

	if (prompt == NULL || prompt->id == popup->left || popup->asker->control == NULL)
		return;
	if (prompt->id != popup->prompt)
		popup->again_s = AGAIN_S;
	popup->prompt = prompt->id;
	start(popup, prompt);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct popup *popup = watcher->data;

	(void)loop, (void)revents;
	switch (popup->state) {
	case POPUP_NONE: turn(popup); break;
	case POPUP_STARTS: not_shown(popup); break;
	case POPUP_STANDS: break;
	case POPUP_ENDS:
		/* A tmux that hangs, or a command that was stopped. */
		kill_child(popup);
		stop_watching(popup);
		settle(popup);
		break;
	}
}

void popup_look(struct popup *popup) {
	const struct prompt *prompt = live_prompt(popup);

	/* One that is tried again has its timer. */
	if (popup->state != POPUP_NONE || prompt == NULL || prompt->id == popup->left ||
	    (prompt->id == popup->prompt && ev_is_active(&popup->timer)))
		return;
	start_timer(popup, 0.);
}

void popup_prompt_ends(struct popup *popup, uint64_t prompt) {
	if (prompt == popup->prompt &&
	    (popup->state == POPUP_STARTS || popup->state == POPUP_STANDS))
		end(popup);
	popup_look(popup);
}

/* ---- what its command says ---- */

static bool is_its_token(const struct popup *popup, const char *token) {
	return popup->token[0] != '\0' && strcmp(popup->token, token) == 0;
}

enum control_result popup_reports(struct popup *popup, const struct control_call *call,
                                  const char *token, struct buffer *answer) {
	if (popup->state != POPUP_STARTS || !is_its_token(popup, token) || !call->writer->known ||
	    platform_process_watch(&popup->watch, call->writer->pid) < 0) {
		buffer_put_raw(answer, bytes_of_text("nobody waits for that any more"));
		return CONTROL_FAILED;
	}
	popup->state = POPUP_STANDS;
	popup->call = call->id;
	popup->again_s = AGAIN_S;
	ev_timer_stop(loop_of(popup), &popup->timer);
	ev_io_set(&popup->gone, popup->watch, EV_READ);
	ev_io_start(loop_of(popup), &popup->gone);
	diag_info("request %llu: shown in tmux%s%s%s", (unsigned long long)popup->prompt,
	          popup->said_len > 1 ? ", on " : "", popup->said_len > 1 ? popup->said + 1 : "",
	          popup->said_len > 0 && popup->said[0] == POPUP_CHILD_SPLIT ? " (a split pane)"
	                                                                     : "");
	return CONTROL_LATER;
}

enum control_result popup_is_left(struct popup *popup, const char *token) {
	if (popup->state != POPUP_STANDS || !is_its_token(popup, token))
		return CONTROL_FAILED;
	popup->left = popup->prompt;
	return CONTROL_OK;
}

/* ---- from first to last ---- */

int popup_new(struct popup **ret, struct asker *asker) {
	struct popup *popup = calloc(1, sizeof(*popup));
	int error;

	if (popup == NULL)
		return -ENOMEM;
	popup->asker = asker;
	popup->said_fd = popup->watch = -1;
	popup->again_s = AGAIN_S;
	error = tmux_directories_init(&popup->directories);
	if (error < 0) {
		free(popup);
		return error;
	}
	ev_init(&popup->timer, on_timer);
	ev_init(&popup->ended, on_ended);
	ev_init(&popup->says, on_said);
	ev_init(&popup->gone, on_gone);
	popup->timer.data = popup->ended.data = popup->says.data = popup->gone.data = popup;
	*ret = popup;
	return 0;
}

void popup_free(struct popup *popup) {
	if (popup == NULL)
		return;
	kill_child(popup);
	ev_timer_stop(loop_of(popup), &popup->timer);
	ev_child_stop(loop_of(popup), &popup->ended);
	stop_hearing(popup);
	stop_watching(popup);
	tmux_directories_deinit(&popup->directories);
	free(popup);
}
