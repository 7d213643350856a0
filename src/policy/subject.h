/* What a decision looks at: the request, and what is derived from it once, when first needed. */
#ifndef POLICY_SUBJECT_H
#define POLICY_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "facts/request.h"
#include "policy/claims.h"
#include "policy/pattern.h"

#define ANCESTOR_NAMES_MAX (ANCESTORS_MAX * (1 + CLAIMS_MAX))

/* What an ancestor is called, or calls itself. */
struct ancestor_name {
	const char *text;
	uint64_t head; /* pattern_head() */
	bool claimed;
};

/* Zeroed up to command, which is big and rarely needed. */
struct subject {
	const struct request *request;
	bool has_claims;
	struct claims claims;
	bool has_ancestor_names;
	bool has_unnamed_ancestor; /* or one that could not be seen at all */
	struct ancestor_name ancestor_names[ANCESTOR_NAMES_MAX];
	size_t n_ancestor_names;
	bool has_command;
	bool knows_command;
	char command[PATTERN_TEXT_MAX + 1]; /* its arguments, where they are known */
};

static inline void subject_init(struct subject *subject, const struct request *request) {
	memset(subject, 0, offsetof(struct subject, command));
	subject->request = request;
}

#endif
