/* The names that a policy needs of a caller's environment. */
#ifndef POLICY_ENV_NAMES_H
#define POLICY_ENV_NAMES_H

#include "base/cleanup.h"
#include "policy/reading.h"
#include "policy/rule.h"

#define ENV_NAMES_COLLECTED_MAX 400 /* what the reader of callers takes, less its own */

/* capture_extra_env_vars: names, of which one may end in "*". What is wrong is reported. -ENOMEM.
 */
int env_names_read(struct policy *policy, struct reading *reading,
                   const struct yaml_node *value) MUST_CHECK;

/* Fills env_names from all that was read. -ENOMEM; -E2BIG: more than are taken. */
int env_names_collect(struct policy *policy) MUST_CHECK;

#endif
