/* Keys that are of no use to a caller where it is about to log in: no need to offer them. */
#ifndef POLICY_HOPELESS_H
#define POLICY_HOPELESS_H

#include <stdbool.h>

#include "policy/policy.h"

/*
 * Whether the policy denies the login, whatever user it may be for. The request is for a signature
 * of a login whose user is not known (facts/payload.h), with all else as it will be. Only where
 * that is certain: what may be allowed, or confirmed, is not hopeless.
 */
bool policy_is_hopeless(const struct policy *policy, const struct request *request);

/* Whether the policy wants hopeless keys left out of lists (hide_denied_keys). */
bool policy_hides_denied_keys(const struct policy *policy);

#endif
