/*
 * Retention: day files that a policy does not want kept any longer are removed, the oldest first.
 * It is planned before it is done, so that an event can tell of it first: what is gone without such
 * an event was taken by somebody else.
 */
#ifndef LOG_EXPIRE_H
#define LOG_EXPIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "log/days.h"

struct keep {
	unsigned days; /* 0: for ever */
	uint64_t len;  /* bytes of all files together; 0: however many */
};

struct expiry {
	struct days days;   /* all there are */
	size_t count;       /* so many of them go, from the oldest on; 0: none */
	uint64_t kept_from; /* seq of the first event that stays */
	bool joined;        /* the last event that goes is the one before it, of its own day */
};

/* Those of which the whole day is more than keep->days before real_us, and what is too much; never
 * the newest. Days are counted back from the newest file before that day at most, so that a clock
 * that has just jumped ahead empties no log. -EBADMSG: which event would be the first cannot be
 * told, so nothing goes. */
int expire_plan(struct expiry *ret, int dir_fd, const struct keep *keep,
                int64_t real_us) MUST_CHECK;
void expiry_deinit(struct expiry *expiry);

/* Removes them. What could not be removed stays; the errno of the first such file, after all
 * others were tried. */
int expire_remove(const struct expiry *expiry, int dir_fd) MUST_CHECK;

#endif
