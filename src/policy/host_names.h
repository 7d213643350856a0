/* The hosts that a policy names outright, to compare hashed names with. */
#ifndef POLICY_HOST_NAMES_H
#define POLICY_HOST_NAMES_H

#include "policy/policy.h"

/* Collects them into policy->host_names when all rules are read. -ENOMEM. */
int host_names_collect(struct policy *policy) MUST_CHECK;

#endif
