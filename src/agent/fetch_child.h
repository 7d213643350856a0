/* The child's side of a fetch: reads the files, and writes what it found into a pipe. */
#ifndef AGENT_FETCH_CHILD_H
#define AGENT_FETCH_CHILD_H

#include <sys/types.h>

#include "agent/fetch.h"
#include "base/buffer.h"

/* Above what the encoding of one file has besides its bytes. */
#define FETCHED_OVERHEAD (sizeof(struct stat) + FETCHED_DIGEST_LEN + 32)

/* Runs in the child, with every signal blocked; ends it. */
_Noreturn void fetch_child_run(int fd, const struct fetch_plan *plan, pid_t parent);

/* ret has room for n files, which point into bytes. -EBADMSG. */
int fetched_decode(struct fetched *ret, size_t n, struct bytes bytes) MUST_CHECK;

#endif
