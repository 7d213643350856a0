/*
 * What changes from one policy to another, for a person who is to agree to it: by what they mean,
 * as policy_show() writes it, not by their texts.
 */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "policy/policy.h"

/* Appends whole settings and rules, those that go with "- " before each line and those that come
 * with "+ ", in their order; of what stays only the beginnings beside them. Nothing where both mean
 * the same. It is printable ASCII. -E2BIG: more changes than anybody could look through. -ENOMEM.
 */
int policy_diff(struct buffer *text, const struct policy *from, const struct policy *to) MUST_CHECK;

#endif
