/*
 * One process that renders: started when something has changed, one at a time, and never waited
 * for. What changes while it runs is rendered by one more run, however much it was. It has a limit,
 * and what it leaves behind (a script that clears a line some seconds later) is ended before the
 * next run, so that nothing piles up.
 */
#ifndef AGENT_RENDERER_H
#define AGENT_RENDERER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define RENDERER_REPORT_SIZE 128 /* of what it has to say at its end */

struct renderer_calls {
	/* In the forked child, with all signals blocked. It leads a session of its own before it
	 * starts anything, writes its report at once, and may stay then until nothing is left of
	 * what it started. Does not return. */
	void (*run)(void *data, int report_fd, pid_t parent);
	/* It has said how it went. len 0: it ended without a word; killed: it took too long. */
	void (*reported)(void *data, const uint8_t *report, size_t len, bool killed);
	void *data;
	double limit_s;  /* until it has reported */
	double pause_s;  /* from one start to the next */
	double linger_s; /* for what it leaves behind */
};

struct renderer;

/* loop must be the default loop, and outlive it. */
int renderer_new(struct renderer **ret, struct ev_loop *loop,
                 const struct renderer_calls *calls) MUST_CHECK;
void renderer_free(struct renderer *renderer); /* with what it has started; NULL is fine */

/* There is something new. urgent: somebody is waited for, so without the pause. */
void renderer_due(struct renderer *renderer, bool urgent);

#endif
