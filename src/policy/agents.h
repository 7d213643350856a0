/*
 * Coding agents by definition: what tells each of them. Some are compiled in
 * (policy/coding-agents.yaml); a policy adds to these, and takes none away.
 */
#ifndef POLICY_AGENTS_H
#define POLICY_AGENTS_H

#include "base/cleanup.h"
#include "policy/reading.h"
#include "policy/rule.h"

/* Adds the definitions of a map NAME: {env, ancestors, exe}. What is wrong is reported. -ENOMEM. */
int agents_read(struct policy *policy, struct reading *reading,
                const struct yaml_node *map) MUST_CHECK;

/* Adds those that are compiled in. -ENOMEM. */
int agents_read_builtin(struct policy *policy) MUST_CHECK;

void agents_deinit(struct policy *policy);

#endif
