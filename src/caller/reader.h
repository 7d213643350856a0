/*
 * The reader: a resident child process that reads /proc on our behalf, because such a read can
 * hang for as long as the process that is read likes (design, fact 13). One that is stuck
 * (caller/patience.h) is killed and replaced; that one caller is "caller-unreadable", and nobody
 * else waits.
 */
#ifndef CALLER_READER_H
#define CALLER_READER_H

#include <ev.h>

#include "base/cleanup.h"
#include "facts/caller.h"
#include "platform/platform.h"

struct reader;
struct reader_job;

/* Called from the loop, never from within reader_ask(). caller is handed over and never NULL,
 * but may be CALLER_UNKNOWN. */
typedef void reader_done(void *data, struct caller *caller);

int reader_new(struct reader **ret, struct ev_loop *loop) MUST_CHECK; /* loop must outlive it */
void reader_free(struct reader *reader); /* open jobs are dropped without a call */

/*
 * Which variables of a caller's environment to read beside those that are always read, as for
 * env_names_new(), whose errors these are, too; then the ones asked for before stay. Whoever is
 * answered from now on was asked for these, also where it was waiting: so a policy that is about to
 * be in force can rely on a variable that is not there.
 */
int reader_set_env_names(struct reader *reader, const char *const *names,
                         size_t n_names) MUST_CHECK;

/* *ret_job holds until done is called or reader_cancel(). The peer is borrowed for the call; its
 * pidfd is duplicated as far as it is needed longer. */
int reader_ask(struct reader_job **ret_job, struct reader *reader, const struct peer *writer,
               reader_done *done, void *data) MUST_CHECK;
void reader_cancel(struct reader_job *job); /* done will not be called; NULL is fine */

#endif
