/*
 * Keeps the event log as the policy wants it: how long days are kept, and when events are on the
 * disk. What may take as long as a disk likes is done by children. It also watches for what is
 * mounted over the log.
 */
#ifndef AGENT_KEEPER_H
#define AGENT_KEEPER_H

#include "agent/guard.h"
#include "base/cleanup.h"

struct keeper;

int keeper_new(struct keeper **ret, struct guard *guard) MUST_CHECK; /* guard must outlive it */
void keeper_free(struct keeper *keeper);                             /* NULL is fine */

/* An event was written just now. */
void keeper_written(struct keeper *keeper);

/* Somebody who goes on when what was written by now is on the disk. Zeroed, it waits for nothing.
 */
struct keeper_wait {
	void (*done)(void *data, int error); /* NULL: not waiting */
	void *data;
	struct keeper_wait *next, **link;
};

/* done is called from the loop; error: it could not be brought there. wait must last until then. */
void keeper_wait(struct keeper *keeper, struct keeper_wait *wait,
                 void (*done)(void *data, int error), void *data);
void keeper_wait_end(struct keeper_wait *wait); /* done is not called any more */

#endif
