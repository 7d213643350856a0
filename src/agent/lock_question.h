/* What a person is asked where a policy is locked: the change by its meaning, and what a security
 * key signs that is touched for it. Pure. */
#ifndef AGENT_LOCK_QUESTION_H
#define AGENT_LOCK_QUESTION_H

#include "confirm/question.h"
#include "policy/policy.h"

/* Everything is borrowed. */
struct lock_change {
	const struct policy *from, *to;
	bool is_new_policy; /* else only known_hosts is another */
	/* Known_hosts is taken over as well: what was accepted, and what it says now. */
	bool takes_hosts;
	bool stays_locked;
	struct bytes hosts_from, hosts_to;
};

/* More changes than anybody could look through: -E2BIG of the policy, -EMSGSIZE of known_hosts with
 * what the policy has. -ENOMEM, -EIO. */
int lock_question_new(struct question **ret, const struct lock_change *change,
                      const struct turns *turns) MUST_CHECK;

/* For the event of a yes: the SHA-256 of what is in force by it and of what was before. Where
 * known_hosts is taken over, also of that and of both together, which is what was signed. */
void lock_change_tell(char *ret, size_t size, const struct lock_change *change);

#endif
