/* Rules that no request fits, because what they ask for excludes itself. */
#ifndef POLICY_NEVER_H
#define POLICY_NEVER_H

#include "policy/rule.h"

/* Why the rule never decides, or, of an allow, why it never allows; a static text. NULL: it may, as
 * far as can be told. */
const char *never_fits(const struct policy *policy, const struct rule *rule);

#endif
