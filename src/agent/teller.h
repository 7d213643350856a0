/*
 * The teller: tells people what the guard did. ssh only says "agent refused operation", so a
 * refusal is one line on the terminal that its caller runs in; and a policy may name commands that
 * are started when a request begins to wait, and when it is decided.
 *
 * All of it is done by children, after the answer, with a limit for each, for their number and for
 * those that wait; what is more than that is left out. Nothing of it can stop or delay the guard.
 */
#ifndef AGENT_TELLER_H
#define AGENT_TELLER_H

#include <ev.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/event.h"

struct guard;
struct teller;

int teller_new(struct teller **ret, struct guard *guard) MUST_CHECK;
void teller_free(struct teller *teller); /* ends its children; NULL is fine */

/* An event was written. */
void teller_event(struct teller *teller, const struct event *event);

/* Whether somebody wants to hear of requests that wait; the document is such a request. */
bool teller_wants_pending(const struct teller *teller);
void teller_pending(struct teller *teller, struct bytes document);

#endif
