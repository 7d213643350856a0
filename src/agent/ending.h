/*
 * How the guard comes to its end: who asks for it, and what goes with it. The managed agent's keys
 * are in no file, so they are counted first; an agent that does not answer holds nothing up for
 * longer than ENDING_PATIENCE_S, and whoever asks a second time waits for nothing.
 */
#ifndef AGENT_ENDING_H
#define AGENT_ENDING_H

#include <ev.h>
#include <stdbool.h>

#include "agent/guard.h"

#define ENDING_PATIENCE_S 2.
#define ENDING_WHY_SIZE   96

struct ending {
	struct guard *guard;
	ev_signal terminate, interrupt;
	char why[ENDING_WHY_SIZE];  /* "": nobody has asked for it */
	struct upstream_link *link; /* while keys are counted */
	size_t n_keys;
	bool counted;
};

/* From now on SIGTERM and SIGINT end the loop. */
void ending_init(struct ending *ending, struct guard *guard);
void ending_deinit(struct ending *ending);

/* Ends the loop; why is for the event, and copied. managed_agent: it goes with the guard; NULL:
 * none does. */
void ending_ask(struct ending *ending, const char *why);
/* The last event, and last words where the agent of that name goes with us; NULL: none does. */
void ending_tell(struct ending *ending, const char *managed_agent);

#endif
