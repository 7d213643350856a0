/* What a decision looks at: the request, and what is derived from it once, when first needed. */
#ifndef POLICY_SUBJECT_H
#define POLICY_SUBJECT_H

#include <stdbool.h>

#include "facts/request.h"
#include "policy/claims.h"

#define ANCESTOR_NAMES_MAX (ANCESTORS_MAX * (1 + CLAIMS_MAX))

/* What an ancestor is called, or calls itself. */
struct ancestor_name {
	const char *text;
	uint64_t head; /* pattern_head() */
	bool claimed;
};

struct subject {
	const struct request *request;
	bool has_claims;
	struct claims claims;
	bool has_ancestor_names;
	bool has_unnamed_ancestor; /* or one that could not be seen at all */
	struct ancestor_name ancestor_names[ANCESTOR_NAMES_MAX];
	size_t n_ancestor_names;
};

#endif
