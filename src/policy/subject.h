/* What a decision looks at: the request, and what is derived from it once, when first needed. */
#ifndef POLICY_SUBJECT_H
#define POLICY_SUBJECT_H

#include <stdbool.h>

#include "facts/request.h"
#include "policy/claims.h"

struct subject {
	const struct request *request;
	bool has_claims;
	struct claims claims;
	bool has_ancestor_claims;
	struct claims ancestor_claims[ANCESTORS_MAX];
};

#endif
