/*
 * A request as its event tells it (docs/events.md), so that it can be decided again by another
 * policy. What was known when it was decided, and does not stand in the event, is not made up: it
 * is unknown, and the fields that it is behind are in doubt.
 */
#ifndef DESCRIBE_RECALL_H
#define DESCRIBE_RECALL_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/request.h"
#include "policy/policy.h"

/* What a request came to. */
enum recalled_end {
	RECALLED_DECIDED, /* by a policy, as was tells */
	RECALLED_REFUSED, /* by the guard itself, whatever the policy: reason tells why */
};

struct recalled {
	struct request request; /* its caller and what else it points to are below */
	uint64_t seq;           /* 0: it has none */
	enum recalled_end end;
	enum action was;       /* confirm also where nobody could be asked, or said yes */
	bool said_yes;         /* it was allowed, at once or by a person */
	const char *rule;      /* NULL: none stands there */
	const char *reason;    /* likewise */
	struct caller *caller; /* owned */
	enum tri was_agent;    /* what was told of coding agents then */
	bool names_are_hidden; /* hashed ones, with which names of the policy then were compared */
	bool env_is_whole;     /* of those variables that were asked for */
	const char *sha256;    /* of the policy then; "" where there was none */
	const char *floor_sha256; /* NULL: there was no floor */
	uint64_t doubtful;        /* bits of field_bit(); more may come by the policy */
	uint64_t repeated; /* it stands for so many, of which it tells little; 0: for itself */
	struct payload payload;
	struct session session;
	struct destination destination;
};

/* -ENOENT: the event tells of no request that was decided. -EBADMSG: it is none that the guard
 * writes. -ENOMEM. */
int recalled_new(struct recalled **ret, struct bytes document) MUST_CHECK;
void recalled_free(struct recalled *recalled); /* NULL is fine */

struct redecided {
	struct verdict verdict;
	/* The first field whose fact is not in the event and may turn the action; NULL: none does,
	 * and the verdict holds. */
	const char *lacking;
	unsigned prospects; /* what it may be: an OR of enum prospect (explain.h) */
};

/* By the code that serves live requests. floor may be NULL. */
struct redecided recalled_decide(struct recalled *recalled, const struct policy *floor,
                                 const struct policy *policy);

/* The request as that policy sees it, for policy_explain(). *ret_doubtful: of this policy. */
struct request recalled_request(struct recalled *recalled, const struct policy *policy,
                                uint64_t *ret_doubtful);

#endif
