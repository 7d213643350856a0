/*
 * Leaves out of a list of identities what its asker can do nothing with: ssh lists keys after it
 * has bound the connection to the host that it logs in to, and gives up after a handful that do not
 * do.
 */
#ifndef AGENT_HIDE_H
#define AGENT_HIDE_H

#include "agent/comments.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/request.h"
#include "policy/policy.h"

#define HIDE_KEYS_MAX 256 /* more than anybody has are left as they are, and cost no time */

/* *ret_none: there were keys, and none is left. list is the request that was answered, on a
 * connection with a verified authenticating bind; floor may be NULL. -EBADMSG: the answer is no
 * list; -ENOMEM. */
int hide_hopeless_keys(struct buffer *ret, bool *ret_none, struct bytes answer,
                       const struct request *list, const struct comments *comments,
                       const struct policy *floor, const struct policy *policy) MUST_CHECK;

#endif
