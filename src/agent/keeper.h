/* Keeps the event log as the policy wants it: how long days are kept, and when events are on the
 * disk. */
#ifndef AGENT_KEEPER_H
#define AGENT_KEEPER_H

#include "agent/guard.h"
#include "base/cleanup.h"

struct keeper;

int keeper_new(struct keeper **ret, struct guard *guard) MUST_CHECK; /* guard must outlive it */
void keeper_free(struct keeper *keeper);                             /* NULL is fine */

/* An event was written just now. */
void keeper_written(struct keeper *keeper);

#endif
