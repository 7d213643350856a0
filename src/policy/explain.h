/* How a policy comes to its verdict on a request, rule by rule: for people who ask why. */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

/* How a rule stands to a request. */
enum standing {
	STANDING_OTHER_OPERATION, /* it does not speak of what is asked */
	STANDING_NO,              /* a field of its match does not hold */
	STANDING_TAKEN_BACK,      /* all that its unless names holds */
	STANDING_CLAIMED,  /* it fits what the process calls itself; an allow does not, by that */
	STANDING_POSSIBLE, /* a fact is missing; an allow does not fit, by that */
	STANDING_FITS,
	STANDING_BARRED, /* an allow that fits, for a caller that is not identified */
	STANDING_WEAK,   /* an allow that fits, but rests on no proof, under require_proof */
	STANDING_LIMIT,  /* a pattern ran into its limit, which denies */
};

/* Texts are borrowed from the policy. */
struct account {
	const char *rule;
	enum action action;
	enum standing standing;
	const char *field; /* the first one that made the standing so; NULL: none did */
	bool in_unless;    /* that field is one of unless */
	bool weak;         /* an allow that rests on nothing that is proved (lint.h) */
	bool too_late;     /* an earlier rule has ended the search */
};
typedef void account_taker(void *data, const struct account *account);

/* As policy_decide(), of which it is the other door: the same lines run, and the same verdict comes
 * back. take is called for every rule, in their order; NULL: for none. */
struct verdict policy_explain(const struct policy *policy, const struct request *request,
                              account_taker *take, void *data);

/* What a verdict may be. Each is a bit. */
enum prospect {
	PROSPECT_DENY = 1 << 0,
	PROSPECT_CONFIRM = 1 << 1,
	PROSPECT_ALLOW = 1 << 2,
	PROSPECT_WEAK_ALLOW = 1 << 3,
};

/* All that policy_decide() could say, by the same lines, if the facts behind the fields in doubtful
 * (bits of field_bit()), which the request lacks, were known. An OR of enum prospect; *ret_field is
 * the first field that was in doubt and could have mattered, NULL where none could. */
unsigned policy_prospects(const struct policy *policy, const struct request *request,
                          uint64_t doubtful, const char **ret_field);

#endif
