/*
 * Rules that never decide, because an earlier one fits whatever they fit. Where the two actions
 * differ, somebody means something that does not happen; where they are the same, the rule is idle.
 */
#ifndef POLICY_HIDDEN_H
#define POLICY_HIDDEN_H

#include <stddef.h>

#include "policy/rule.h"

/* All pairs of some 4,000 rules; a bound, because 10,000 must load in a second. */
#define HIDDEN_STEPS_MAX ((size_t)16 * 1000 * 1000)

enum hider { HIDER_OF_ANOTHER_ACTION, HIDER_OF_THE_SAME_ACTION };

/* The index of the first such rule that hides the one at index; index where there is none. It never
 * errs by naming one; that one is hidden may stay unseen (by two rules together,
 * by a pattern that fits all that another pattern does, or when no steps are left). */
size_t hidden_by(const struct policy *policy, size_t index, enum hider hider, size_t *steps_left);

/* Whether wide holds for certain wherever narrow does; false also where that cannot be told. */
bool match_covers(const struct match *wide, const struct match *narrow, size_t *steps_left);

#endif
