/*
 * Keeps the model as the guard is. It asks over the control socket when the guard's status file or
 * the guard's end says that something changed, once in a second while something counts down, and
 * now and then otherwise, for systems that tell nothing; the events come from their files.
 */
#ifndef MONITOR_FEED_H
#define MONITOR_FEED_H

#include <ev.h>

#include "base/cleanup.h"
#include "monitor/model.h"

struct feed;

struct feed_places {
	const char *control, *state; /* paths */
};

/* changed is called whenever the model is another one. All that is given must outlive the feed. */
int feed_new(struct feed **ret, struct ev_loop *loop, const struct feed_places *places,
             struct model *model, void (*changed)(void *data), void *data) MUST_CHECK;
void feed_free(struct feed *feed); /* NULL is fine */

void feed_ask(struct feed *feed); /* again, soon: something was done */

#endif
