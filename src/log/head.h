/*
 * The head of a running guard's log, as it tells it over its control socket: the anchor against
 * which a cut or rewritten log is found (log/chain.h). It says of which state directory it is,
 * because a guard may run beside a log that is not its own.
 */
#ifndef LOG_HEAD_H
#define LOG_HEAD_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "log/chain.h"

/* Appends it. The state directory stays open, and is the caller's. */
int head_put(struct buffer *answer, const struct chain_link *link, int state_fd) MUST_CHECK;

/* -EBADMSG: it is none. -EXDEV: it is of another directory than that one. */
int head_read(struct chain_link *ret, struct bytes answer, int state_fd) MUST_CHECK;

#endif
