/*
 * What is no mistake in a policy, but may not be what somebody means: allows that rest on nothing
 * that is proved, and rules that change nothing.
 */
#ifndef POLICY_LINT_H
#define POLICY_LINT_H

#include "policy/policy.h"

/* Adds what there is to say, in the order of places: to findings what is surely not meant, and to
 * notes what holds, and is worth knowing, as that an allow is weak. Both may be the same list. */
void policy_lint(const struct policy *policy, struct problems *findings, struct problems *notes);

/* Adds where a person is to be asked who has no way to answer. enrolled is an OR of enum
 * confirm_method: those that work. */
void policy_lint_enrolled(const struct policy *policy, unsigned enrolled,
                          struct problems *findings);

#endif
