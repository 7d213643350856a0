/*
 * Grants: a yes that is remembered for a while. In memory alone, for the same purpose and within
 * the scope of its rule (question_covers()), and for no longer than the processes live that its
 * scope names. Times are handed in; whether a process lives is asked of the system.
 */
#ifndef CONFIRM_GRANTS_H
#define CONFIRM_GRANTS_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "confirm/question.h"

#define GRANTS_MAX 256 /* a person does not say yes as often within one time */

struct grants;

struct grant {
	uint64_t id; /* from 1 */
	const struct question *question;
	enum confirm_method method; /* by which it was given */
	int64_t given_us;           /* clock_real_us() */
	uint64_t until_ns;
};

/* What the processes of a question are watched by, for as long as it may become a grant. Zeroed: by
 * nothing. */
struct grant_watch {
	int starter, session; /* as platform_process_watch() gives them; -1: none */
};

#define GRANT_WATCH_NONE ((struct grant_watch){-1, -1})

/* To be called before the caller is verified again: if it then still has the same ancestors, the
 * watch is of them. -ESRCH: one has gone, so nothing can be remembered. */
int grant_watch_open(struct grant_watch *ret, const struct question *question) MUST_CHECK;
void grant_watch_close(struct grant_watch *watch);

int grants_new(struct grants **ret) MUST_CHECK;
void grants_free(struct grants *grants); /* NULL is fine */

/* A copy of the question's purpose and scope is kept; the watch is taken over. The requests that
 * shared a prompt share its grant: for the same prompt there is one. *ret_id: 0 where nothing is
 * remembered. -ENOMEM, -ENOSPC. */
int grants_add(uint64_t *ret_id, struct grants *grants, const struct question *question,
               uint64_t prompt, enum confirm_method method, struct grant_watch *watch,
               int64_t now_us, uint64_t now_ns) MUST_CHECK;

/* The grant that covers it, NULL where none does. */
const struct grant *grants_find(struct grants *grants, const struct question *question,
                                uint64_t now_ns);

/* The machine has slept so long by now (platform_slept_ns()): grants from before a sleep end, since
 * nobody knows who woke it. To be told before grants are looked for. Whether any ended. */
bool grants_slept(struct grants *grants, uint64_t slept_ns);
bool grants_revoke(struct grants *grants, uint64_t id); /* false: there is none */
size_t grants_revoke_all(struct grants *grants);        /* how many there were */

/* Those that hold, from the oldest on: NULL behind the last one. */
const struct grant *grants_next(struct grants *grants, const struct grant *after, uint64_t now_ns);

#endif
