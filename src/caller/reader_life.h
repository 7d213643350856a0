/*
 * The life of the reader process: how it is started, watched, killed and reaped, and that one which
 * dies again and again is not started for each request. What it is asked is not seen here.
 */
#ifndef CALLER_READER_LIFE_H
#define CALLER_READER_LIFE_H

#include <ev.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "caller/environment.h"
#include "platform/platform.h"

struct reader_child;

struct reader_life {
	struct ev_loop *loop;
	int fd; /* our end of its channel; never waits; -1: there is no reader at the moment */
	struct reader_child *child;
	struct reader_child *dying; /* killed, but not reaped: one may sleep uninterruptibly */
	unsigned failures; /* in a row: readers that died, spoke nonsense or were not born */
	uint64_t no_start_until_ns;
	struct env_names *env_names; /* what a child knows from its birth on */
};

int reader_life_init(struct reader_life *life, struct ev_loop *loop) MUST_CHECK;
void reader_life_deinit(struct reader_life *life); /* ends the reader, too */

/* For where there is none. -EAGAIN: the last ones failed, and it is too early for another. */
int reader_life_start(struct reader_life *life) MUST_CHECK;
void reader_life_end(
	struct reader_life *life); /* if there is one; it is killed, never waited for */

/* What became of the present or the last one. */
void reader_life_failed(struct reader_life *life);
void reader_life_served(struct reader_life *life);

/* What the present one does. -ESRCH: it is dead. */
int reader_life_time(struct child_time *ret, const struct reader_life *life) MUST_CHECK;

#endif
