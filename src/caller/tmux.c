#include "caller/tmux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "caller/tmux_child.h"
#include "caller/tmux_claim.h"
#include "caller/tmux_server.h"
#include "platform/child.h"
#include "platform/platform.h"

#define SLOTS       8 /* panes that sign within the same moment; more remain unknown */
#define ANSWER_SIZE 1024

enum slot_state {
	SLOT_FREE,
	SLOT_ASKING,
	SLOT_KNOWN, /* also that nothing can be known */
};

/* A question and its answer. */
struct tmux_slot {
	struct tmux *tmux;
	enum slot_state state;
	struct tmux_claim claim;
	pid_t pid; /* of a child that was not reaped yet; 0: none */
	int fd;
	ev_io readable;
	ev_timer deadline;
	ev_child ended;
	char answer[ANSWER_SIZE];
	size_t answer_len;
	char *window; /* NULL: unknown */
	ev_tstamp known_until;
	struct tmux_wait *waiting;
};

struct tmux {
	struct ev_loop *loop;
	struct tmux_directories directories;
	struct tmux_slot slots[SLOTS];
	bool *gone; /* set when it is let go of by somebody whom it calls */
};

/* The pane is one where tmux has said in which window it is. */
static void set_window(struct caller *caller, const char *window, const char *pane) {
	free(caller->tmux_window);
	free(caller->tmux_pane);
	caller->tmux_window = window != NULL ? strdup(window) : NULL;
	caller->tmux_pane = window != NULL ? strdup(pane) : NULL;
}

static void slot_close(struct tmux_slot *slot) {
	ev_io_stop(slot->tmux->loop, &slot->readable);
	ev_timer_stop(slot->tmux->loop, &slot->deadline);
	close_fd(&slot->fd);
}

/* The last thing that its callers do. */
static void slot_settle(struct tmux_slot *slot, char *window) {
	struct tmux *tmux = slot->tmux;
	bool gone = false;

	slot_close(slot);
	free(slot->window);
	slot->window = window;
	slot->state = SLOT_KNOWN;
	slot->known_until = ev_now(tmux->loop) + TMUX_KNOWN_S;
	tmux->gone = &gone;
	while (!gone && slot->waiting != NULL) {
		struct tmux_wait *wait = slot->waiting;

		slot->waiting = wait->next;
		wait->slot = NULL;
		set_window(wait->caller, slot->window, slot->claim.pane);
		wait->done(wait->data);
	}
	if (!gone)
		tmux->gone = NULL;
}

static void slot_kill(struct tmux_slot *slot) {
	if (slot->pid != 0)
		kill(slot->pid, SIGKILL);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct tmux_slot *slot = watcher->data;
	ssize_t len = read(slot->fd, slot->answer + slot->answer_len,
	                   ANSWER_SIZE - slot->answer_len);

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0 && (size_t)len < ANSWER_SIZE - slot->answer_len) {
		slot->answer_len += (size_t)len;
		return;
	}
	/* What fills the buffer is no name of a window. */
	slot_kill(slot);
	slot_settle(slot, len == 0
	                          ? tmux_window_of(slot->answer, slot->answer_len, slot->claim.pane)
	                          : NULL);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct tmux_slot *slot = watcher->data;

	(void)loop, (void)revents;
	slot_kill(slot);
	slot_settle(slot, NULL);
}

/* Its end is known by the pipe; here its number is let go of. */
static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct tmux_slot *slot = watcher->data;

	(void)revents;
	ev_child_stop(loop, watcher);
	slot->pid = 0;
}

static int slot_fork(struct tmux_slot *slot) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2];
	int error = platform_pipe(pair, true);

	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	slot->pid = child_fork();
	if (slot->pid == 0)
		tmux_child_run(theirs, &slot->claim, parent);
	if (slot->pid < 0) {
		slot->pid = 0;
		return -EAGAIN;
	}
	slot->fd = take_fd(&ours);
	return 0;
}

static int slot_start(struct tmux_slot *slot, const struct tmux_claim *claim) {
	struct ev_loop *loop = slot->tmux->loop;
	int error;

	slot->claim = *claim;
	slot->answer_len = 0;
	slot->state = SLOT_FREE;
	error = slot_fork(slot);
	if (error < 0)
		return error;
	slot->state = SLOT_ASKING;
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_child_set(&slot->ended, slot->pid, 0);
	ev_set_priority(&slot->ended, EV_MAXPRI);
	ev_child_start(loop, &slot->ended);
	ev_io_set(&slot->readable, slot->fd, EV_READ);
	ev_io_start(loop, &slot->readable);
	ev_now_update(loop);
	ev_timer_set(&slot->deadline, TMUX_DEADLINE_S, 0.);
	ev_timer_start(loop, &slot->deadline);
	return 0;
}

static bool is_asked(const struct tmux_slot *slot, const struct tmux_claim *claim) {
	return slot->state != SLOT_FREE && strcmp(slot->claim.socket, claim->socket) == 0 &&
	       strcmp(slot->claim.pane, claim->pane) == 0;
}

/* One whose answer is needed no longer, the oldest of them. NULL: there is none. */
static struct tmux_slot *free_slot(struct tmux *tmux) {
	struct tmux_slot *oldest = NULL;

	for (size_t i = 0; i < SLOTS; i++) {
		struct tmux_slot *slot = &tmux->slots[i];

		if (slot->state == SLOT_ASKING || slot->pid != 0)
			continue;
		if (oldest == NULL || slot->known_until < oldest->known_until)
			oldest = slot;
	}
	return oldest;
}

/* The one that has the answer, or will have it. NULL: nobody can be asked now. */
static struct tmux_slot *slot_for(struct tmux *tmux, const struct tmux_claim *claim) {
	struct tmux_slot *slot;

	for (size_t i = 0; i < SLOTS; i++) {
		slot = &tmux->slots[i];
		if (is_asked(slot, claim) &&
		    (slot->state == SLOT_ASKING || slot->known_until > ev_now(tmux->loop)))
			return slot;
	}
	slot = free_slot(tmux);
	return slot != NULL && slot_start(slot, claim) == 0 ? slot : NULL;
}

bool tmux_ask(struct tmux *tmux, struct caller *caller, struct tmux_wait *wait) {
	struct tmux_slot *slot = NULL;
	struct tmux_claim claim;

	switch (tmux_claim_of(&claim, caller, (const char *const *)tmux->directories.paths,
	                      tmux->directories.n_paths)) {
	case TMUX_NOTHING: set_window(caller, "", ""); return true;
	case TMUX_USELESS: return true;
	case TMUX_PANE: slot = slot_for(tmux, &claim); break;
	}
	if (slot == NULL)
		return true;
	if (slot->state == SLOT_KNOWN) {
		set_window(caller, slot->window, slot->claim.pane);
		return true;
	}
	wait->slot = slot;
	wait->caller = caller;
	wait->next = slot->waiting;
	slot->waiting = wait;
	return false;
}

void tmux_cancel(struct tmux_wait *wait) {
	struct tmux_wait **link;

	if (wait->slot == NULL)
		return;
	for (link = &wait->slot->waiting; *link != wait;)
		link = &(*link)->next;
	*link = wait->next;
	wait->slot = NULL;
}

int tmux_new(struct tmux **ret, struct ev_loop *loop) {
	struct tmux *tmux = calloc(1, sizeof(*tmux));
	int error;

	if (tmux == NULL)
		return -ENOMEM;
	tmux->loop = loop;
	for (size_t i = 0; i < SLOTS; i++) {
		struct tmux_slot *slot = &tmux->slots[i];

		slot->tmux = tmux;
		slot->fd = -1;
		ev_init(&slot->readable, on_readable);
		ev_init(&slot->deadline, on_deadline);
		ev_init(&slot->ended, on_ended);
		slot->readable.data = slot->deadline.data = slot->ended.data = slot;
	}
	error = tmux_directories_init(&tmux->directories);
	if (error < 0) {
		tmux_free(tmux);
		return error;
	}
	*ret = tmux;
	return 0;
}

void tmux_free(struct tmux *tmux) {
	if (tmux == NULL)
		return;
	if (tmux->gone != NULL)
		*tmux->gone = true;
	for (size_t i = 0; i < SLOTS; i++) {
		struct tmux_slot *slot = &tmux->slots[i];

		slot_kill(slot);
		slot_close(slot);
		ev_child_stop(tmux->loop, &slot->ended);
		free(slot->window);
	}
	tmux_directories_deinit(&tmux->directories);
	free(tmux);
}
