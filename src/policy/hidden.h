/*
 * Rules that never decide, because an earlier one fits whatever they fit. Where the two actions
 * differ, somebody means something that does not happen.
 */
#ifndef POLICY_HIDDEN_H
#define POLICY_HIDDEN_H

#include <stddef.h>

#include "policy/rule.h"

/* All pairs of some 4,000 rules; a bound, because 10,000 must load in a second. */
#define HIDDEN_STEPS_MAX ((size_t)16 * 1000 * 1000)

/* The index of the first rule with another action that hides the one at index; index where there
 * is none. It never errs by naming one; that one is hidden may stay unseen (by two rules together,
 * by a pattern that fits all that another pattern does, or when no steps are left). */
size_t hidden_by(const struct policy *policy, size_t index, size_t *steps_left);

#endif
