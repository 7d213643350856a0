/*
 * The policy that was accepted last, as it lies in the state directory: its SHA-256, and what it
 * was read from. A file of this user, so nothing of it is taken that the guard would not have
 * written.
 */
#ifndef AGENT_LOCK_FILE_H
#define AGENT_LOCK_FILE_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "policy/policy.h"

#define LOCK_FILE "policy.accepted" /* in the state directory */

/* copy: what the policy was read from (policy/copy.h); empty: there was no file. -ENOMEM. */
int lock_file_put(struct buffer *ret, const struct policy *policy, struct bytes copy) MUST_CHECK;

/* *ret_copy points into file. -EBADMSG: it is not what the guard writes; others as of
 * policy_copy_parse(). */
int lock_file_parse(struct policy **ret, struct bytes *ret_copy, struct bytes file,
                    struct problems *problems) MUST_CHECK;
/* The one of that state directory; *ret_copy points into content. Also the errors of kept_read().
 */
int lock_file_read(struct policy **ret, struct bytes *ret_copy, struct buffer *content,
                   int state_fd, struct problems *problems) MUST_CHECK;

/* Says in *problems what is wrong with it, by that error, which it returns. */
int lock_file_report(struct problems *problems, int error) MUST_CHECK;

#endif
