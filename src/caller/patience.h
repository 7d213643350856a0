/*
 * For how long the reader is waited for. Only what it spends itself is held against it and its
 * caller: sleeping, in a read that hangs, and working. Waiting for a processor is not, and neither
 * is our own lateness: a busy machine is no malice of the caller's. Decides from what it is told,
 * and looks at nothing itself.
 */
#ifndef CALLER_PATIENCE_H
#define CALLER_PATIENCE_H

#include <stdint.h>

#include "platform/platform.h"

#define PATIENCE_NS (50 * (uint64_t)1000000) /* a healthy read takes below 1 ms; tests/bench */

/* Nearly every read has ended before the first look, so that looking costs nothing. */
#define PATIENCE_FIRST_LOOK_NS (10 * (uint64_t)1000000)

/* A reader that never gets a processor is given up after about 2 s. */
#define PATIENCE_LOOKS_MAX 50

struct patience {
	uint64_t begun_ns; /* since when the reader could have worked on it */
	unsigned looks;
	uint64_t first_ns; /* when it was first looked at, and what it had done until then */
	struct child_time first;
};

void patience_begin(struct patience *patience, uint64_t now_ns);

/* When to look next: from now on, in nanoseconds. 0: it is time. */
uint64_t patience_until_look(const struct patience *patience, uint64_t now_ns);

/* Takes a look: time is what the reader has done, NULL where that is not known. Returns for how
 * long it is given before the next look; 0: it is stuck. */
uint64_t patience_look(struct patience *patience, uint64_t now_ns, const struct child_time *time);

#endif
