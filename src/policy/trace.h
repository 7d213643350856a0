/* Which rules were tried on the way to a refusal, and why they did not fit: for its event. */
#ifndef POLICY_TRACE_H
#define POLICY_TRACE_H

#include "facts/event.h"
#include "policy/policy.h"

/* All rules are tried a second time for it, which a longer policy is spared. */
#define TRACED_RULES_MAX 1000

/* Rules that speak of other operations are left out. Texts are borrowed from the policy. */
void policy_trace(struct rule_trace *ret, const struct policy *policy,
                  const struct request *request);

#endif
