/*
 * SHA-256 of executables: made by a child process, because what lies at a path may be long, or on a
 * file system that never answers; and kept for as long as the file is the same one (struct
 * file_id). Only asked for where a policy names exe_sha256.
 */
#ifndef AGENT_DIGESTS_H
#define AGENT_DIGESTS_H

#include <ev.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "facts/caller.h"

#define DIGEST_HEX_SIZE     65
#define DIGEST_FILE_LEN_MAX (UINT64_C(1) << 30) /* programs with all that they carry along */
#define DIGEST_DEADLINE_S   20.
#define DIGESTS_KEPT_MAX    64
#define DIGEST_RUNS_MAX     4 /* children at a time; what asks beyond that is not told */

struct digests;
struct digest_run;

/* hex is NULL where it could not be made: the file is another one by now, cannot be read, or is too
 * long. Holds for the call, and never comes from within digests_ask(). */
typedef void digest_done(void *data, const char *hex);

/* Whoever waits; zeroed, it waits for nothing. */
struct digest_wait {
	struct digest_run *run;
	struct digest_wait *next;
	digest_done *done;
	void *data;
};

int digests_new(struct digests **ret, struct ev_loop *loop) MUST_CHECK; /* the default loop */
void digests_free(struct digests *digests); /* without a call to whoever waits; NULL is fine */

/* What is known already; NULL: nothing. Borrowed until the next is asked for. */
const char *digests_find(const struct digests *digests, const struct file_state *id);
/* -EBUSY: too many are at work; -ENOMEM, ... */
int digests_ask(struct digest_wait *wait, struct digests *digests, const char *path,
                const struct file_state *id, digest_done *done, void *data) MUST_CHECK;
void digests_cancel(struct digest_wait *wait); /* done will not be called */

/* The same at once, for tools. -EIO: it could not be made. */
int digest_file(char ret[static DIGEST_HEX_SIZE], const char *path,
                const struct file_state *id) MUST_CHECK;

#endif
