/* The files that a policy is made of: itself, and those that it includes, and that those include.
 */
#ifndef POLICY_INCLUDE_H
#define POLICY_INCLUDE_H

#include "base/cleanup.h"
#include "policy/policy.h"
#include "policy/yaml_tree.h"

#define INCLUDE_DEPTH_MAX 8 /* a person follows three; we recurse */

struct part {
	struct yaml_node *root; /* owned */
};

/* In the order in which their rules are tried: what a file includes comes before its own. So the
 * policy itself is the last. */
struct parts {
	struct part items[INCLUDES_MAX + 1];
	size_t count;
};

void parts_deinit(struct parts *parts);

/* Reads all of them, and notes in the policy which they are, and the hash of them all. What is
 * wrong is reported, and leaves the rest to be looked through. -EINVAL: the policy itself is no
 * YAML; -EINPROGRESS: of the source; -ENOMEM. */
int parts_gather(struct parts *ret, struct policy *policy, struct bytes text,
                 const struct surroundings *surroundings, struct problems *problems) MUST_CHECK;

#endif
