/* How often a rule may let something through. The pure decision knows nothing of it: whoever asks
 * for a verdict counts (agent/limits.h). */
#ifndef POLICY_LIMIT_H
#define POLICY_LIMIT_H

#include <stdbool.h>

#include "policy/policy.h"

#define LIMIT_COUNT_MAX 1000 /* each is remembered until its period has passed */

struct limit {
	unsigned count; /* 0: none */
	unsigned period_s;
};

/* "10/minute": a count, and second, minute, hour or day. NULL, or what is wrong with the text. */
const char *limit_parse(struct limit *ret, const char *text);

/* What limits the rule by that name, as a verdict of this policy has it. */
struct limit policy_limit_of(const struct policy *policy, const char *rule);

#endif
