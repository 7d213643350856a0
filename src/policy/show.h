/* A policy as it is in force: with every default, and with what its definitions stand for. */
#ifndef POLICY_SHOW_H
#define POLICY_SHOW_H

#include "base/buffer.h"
#include "policy/policy.h"

/* Appends it as YAML, in ASCII, that loads as the same policy. Its beginning says where it is from.
 * Errors stick in *yaml. */
void policy_show(struct buffer *yaml, const struct policy *policy);

#endif
