/*
 * What is no mistake in a policy, but may not be what somebody means: allows that rest on nothing
 * that is proved, and rules that change nothing.
 */
#ifndef POLICY_LINT_H
#define POLICY_LINT_H

#include "policy/policy.h"

/* Adds what there is to say, in the order of places. */
void policy_lint(const struct policy *policy, struct problems *findings);

#endif
