/* What the policy says to a request. Zeroed memory denies. */
#ifndef FACTS_VERDICT_H
#define FACTS_VERDICT_H

#include <stdbool.h>

#include "facts/tri.h"

enum action { ACTION_DENY, ACTION_CONFIRM, ACTION_ALLOW };

static inline const char *action_name(enum action action) {
	switch (action) {
	case ACTION_DENY: return "deny";
	case ACTION_CONFIRM: return "confirm";
	case ACTION_ALLOW: return "allow";
	}
	return "invalid";
}

/* How much an event holds. */
enum log_detail {
	LOG_DETAIL_UNSAID, /* as it is elsewhere said, or full */
	LOG_DETAIL_FULL,
	LOG_DETAIL_BRIEF, /* not what is long: arguments, environment, ancestors */
};
#define LOG_DETAIL_COUNT (LOG_DETAIL_BRIEF + 1)

struct verdict {
	enum action action;
	/* The rule's name, "rule-N" where it has none, "default" where none fits. Borrowed from the
	 * policy, which must outlive the verdict. */
	const char *rule;
	/* The first fact that was unknown and made a deny or confirm fit, or an allow not; NULL. */
	const char *missing;
	bool by_floor; /* the system floor decided, which was the stricter */
	/* Then the rule by which the user's policy would have been less strict. */
	const char *rule_below;
	/* An allow that rests on nothing that is proved: what any program of this account can bring
	 * about was enough. Never of listing. */
	bool weak;
	/* What the rule says of its events; of a floor's verdict what the floor's rule does. */
	enum log_detail log;
	enum tri notify; /* whether a person is to be told of it; unknown: nothing is said */
};

#endif
