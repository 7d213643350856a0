/*
 * Asks tmux for the windows that callers are in. Each question is a child process with a deadline,
 * so the answer comes from the loop; it is kept for a moment, so that a program that signs a
 * hundred times starts no hundred of them.
 */
#ifndef CALLER_TMUX_H
#define CALLER_TMUX_H

#include <ev.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "facts/caller.h"

#define TMUX_DEADLINE_S 0.25 /* a tmux that answers does so in 5 ms */
#define TMUX_KNOWN_S    2.

struct tmux;
struct tmux_slot;

/* caller->tmux_window is set as far as it can be. Called from the loop, never from within
 * tmux_ask(). It may ask again, and let go of the tmux. */
typedef void tmux_done(void *data);

/* Whoever waits owns it, where it must not move. */
struct tmux_wait {
	struct tmux_wait *next;
	struct tmux_slot *slot; /* NULL: waits for nothing */
	struct caller *caller;  /* borrowed */
	tmux_done *done;
	void *data;
};

/* loop must be the default loop, and outlive it. */
int tmux_new(struct tmux **ret, struct ev_loop *loop) MUST_CHECK;
void tmux_free(struct tmux *tmux); /* nobody who waits is called; NULL is fine */

/* Sets tmux_window of an identified caller: true, it is set as far as it can be; false, wait->done
 * will be called when it is. */
bool tmux_ask(struct tmux *tmux, struct caller *caller, struct tmux_wait *wait);
void tmux_cancel(struct tmux_wait *wait); /* done will not be called */

#endif
