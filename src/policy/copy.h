/*
 * A copy of all that a policy was read from: which home it was for, its file, and those that it
 * includes, as bytes to be kept. Parsed again it is the same policy, whatever lies at the paths
 * now.
 */
#ifndef POLICY_COPY_H
#define POLICY_COPY_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "policy/policy.h"

/* Begins one; surroundings.copy adds the files. home may be NULL. */
void policy_copy_begin(struct buffer *copy, const char *home);

/* -EBADMSG: no such copy. Others as of policy_parse(). */
int policy_copy_parse(struct policy **ret, struct bytes copy, struct problems *problems) MUST_CHECK;

/* As policy_load(), and makes a copy of what it was read from. */
int policy_load_copied(struct policy **ret, struct buffer *copy, const char *path,
                       struct problems *problems) MUST_CHECK;

#endif
