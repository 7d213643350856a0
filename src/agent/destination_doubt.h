/*
 * One destination out of two: by what known_hosts says now, and by what it said when the policy was
 * accepted that is locked. What both say is known; what only one of them does is unknown, so that
 * neither a line that a program appends, nor one that it removes, lets anything through.
 */
#ifndef AGENT_DESTINATION_DOUBT_H
#define AGENT_DESTINATION_DOUBT_H

#include "base/bytes.h"
#include "base/cleanup.h"
#include "caller/destination.h"

/* Both are of the same request; user is the login's. -ENOMEM. */
int destination_doubt(struct destination *now, const struct destination *then,
                      struct bytes user) MUST_CHECK;

/* Forwarded, if it is by either. */
enum tri forwarded_by_either(enum tri now, enum tri then);

#endif
