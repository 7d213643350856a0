/*
 * What logged requests come to under another policy, grouped by what a person wants to know: who
 * asked for what, and how the answer changes.
 */
#ifndef DESCRIBE_REPLAY_H
#define DESCRIBE_REPLAY_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "describe/recall.h"

#define REPLAY_GROUPS_MAX 10000 /* more than anybody reads */

enum replay_kind {
	REPLAY_FLIP,      /* decided, and not as it was */
	REPLAY_UNDECIDED, /* a fact that could turn it is not in the event */
};

/* Texts are "" where there is none, and as the event has them: not made safe for a terminal. */
struct replay_group {
	enum replay_kind kind;
	enum action was, now; /* now: of a flip */
	const char *program;  /* the executable, else what is known of it */
	const char *key;
	const char *user, *dest, *dest_key, *evidence, *name_space;
	const char *was_rule, *now_rule;
	const char *lacking; /* where undecided: the field whose fact is missing */
	size_t count;
	uint64_t first_seq, last_seq;
};

struct replay_counts {
	size_t requests; /* all of them; each is one of those below */
	size_t same, flips, undecided;
	size_t refused; /* by the guard itself: no policy was asked, or its answer is not known */
};

struct replay;

int replay_new(struct replay **ret) MUST_CHECK;
void replay_free(struct replay *replay); /* NULL is fine */

int replay_add(struct replay *replay, struct recalled *recalled, const struct policy *floor,
               const struct policy *policy) MUST_CHECK;

struct replay_counts replay_counts(const struct replay *replay);
/* In an order that depends on nothing but the events; *ret_omitted: requests whose group found no
 * room. Borrowed. */
const struct replay_group *replay_groups(struct replay *replay, size_t *ret_count,
                                         size_t *ret_omitted);

#endif
