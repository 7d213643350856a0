/*
 * The sockets of programs that `exec` runs: an endpoint exec:LABEL for each, which goes away with
 * the process that asked for it. Its name is taken away as soon as it is mounted where the program
 * lives; where nothing is mounted it keeps it, in a private directory. Every program of this account
 * can have one, under any label, so that rules on them only restrict (policy/decide.c).
 */
#ifndef AGENT_GUESTS_H
#define AGENT_GUESTS_H

#include <ev.h>
#include <stdbool.h>

#include "agent/control.h"
#include "base/cleanup.h"

#define GUESTS_MAX 16 /* programs that a person has `exec` run at once */

struct guests;

struct guests_calls {
	/* As listener_calls has it; name is the endpoint's, and holds for the call. */
	int (*accepted)(void *data, int fd, const char *name);
	void (*paused)(void *data, int error);
	/* One began or ended; detail is a sentence. */
	void (*changed)(void *data, const char *trigger, const char *detail);
	void *data;
};

/* Where the guard keeps what such a program is not to see; borrowed. */
struct guests_places {
	const char *runtime; /* private: the sockets' directories are made below it */
	const char *policy, *state;
};

int guests_new(struct guests **ret, struct ev_loop *loop, const struct guests_places *places,
               const struct guests_calls *calls) MUST_CHECK;
void guests_free(struct guests *guests); /* NULL is fine */
/* A connection ended: accepting may go on. */
void guests_resume(struct guests *guests);

/* "exec-open LABEL" answers, each on a line, the path of a new socket and those of the policy and the
 * state directory; "exec-mounted" takes the names of those away
 * that the same process has opened. false: it is none of these. */
bool guests_control(struct guests *guests, const struct control_call *call, struct buffer *answer,
                    enum control_result *ret_result);

#endif
