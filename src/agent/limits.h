/*
 * Counts what rules with a limit have let through, for each rule, executable and session: a process
 * that forks, or starts its program again, does not start anew. The session is the caller's cgroup,
 * which a login session or a service is on a machine with systemd.
 */
#ifndef AGENT_LIMITS_H
#define AGENT_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "facts/caller.h"
#include "policy/limit.h"

#define LIMITS_MAX 256 /* who is counted at one time; beyond is over the limit, too */

struct limits;
int limits_new(struct limits **ret) MUST_CHECK;
void limits_free(struct limits *limits); /* NULL is fine */

/* Whether there is room for one more, which is then counted. */
bool limits_take(struct limits *limits, struct limit limit, const char *rule,
                 const struct caller *caller, uint64_t now_ns);

#endif
