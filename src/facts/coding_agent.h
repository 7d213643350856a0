/*
 * Which coding agents are behind a request, as far as it can be told. Each rests on claims or on
 * what any program of the account can bring about, and can be washed off: it stops accidents.
 */
#ifndef FACTS_CODING_AGENT_H
#define FACTS_CODING_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "facts/tri.h"

#define CODING_AGENTS_MAX 8 /* one within another; more than anybody nests */

struct coding_agent {
	const char *name;
	const char
		*kind; /* of what tells it: "env", "ancestor", "exe"; static; NULL: it was stated */
	const char *sign; /* the variable, or the pattern; NULL where kind is */
};

/* Zeroed memory knows nothing. Borrowed from the policy that told them. */
struct coding_agents {
	bool complete; /* there are no others: all that could tell one was read */
	size_t count;
	struct coding_agent items[CODING_AGENTS_MAX]; /* the policy's own definitions first */
};

static inline enum tri coding_agents_any(const struct coding_agents *agents) {
	if (agents->count > 0)
		return TRI_YES;
	return agents->complete ? TRI_NO : TRI_UNKNOWN;
}

#endif
