/* The reader process itself: what is asked of it, and its life. */
#ifndef CALLER_READER_CHILD_H
#define CALLER_READER_CHILD_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "caller/caller.h"
#include "platform/platform.h"

#define READER_ANSWER_LEN_MAX (sizeof(uint64_t) + CALLER_ENCODED_LEN_MAX)

struct reader_request {
	uint64_t id;      /* comes back in front of the answer */
	struct peer peer; /* without its pidfd, which the asking side looks at afterwards */
};

void reader_request_encode(struct buffer *buffer, uint64_t id, const struct peer *peer);
int reader_request_decode(struct reader_request *ret, struct bytes bytes) MUST_CHECK;

/* What a freshly forked child does for the rest of its life: answers what comes through fd, one
 * after the other, until it is closed. names are those of caller_read(). */
_Noreturn void reader_child_run(int fd, pid_t parent, const struct env_names *names);

#endif
