/* A recalled request, decided again: by its facts where they are told, and for all that they may
 * have been where not. */
#include "describe/recall.h"

#include <string.h>

#include "caller/caller.h"
#include "policy/explain.h"
#include "policy/field.h"
#include "policy/floor.h"

static bool is_same(const struct policy *policy, const char *sha256) {
	return sha256 != NULL && *sha256 != '\0' && strcmp(policy_sha256(policy), sha256) == 0;
}

/* Which variables were asked for, only the policy of then knows; so it is with who is an agent. */
struct request recalled_request(struct recalled *recalled, const struct policy *policy,
                                uint64_t *ret_doubtful) {
	struct request request = recalled->request;
	struct coding_agents *agents = &request.coding_agents;
	bool is_then = is_same(policy, recalled->sha256) || is_same(policy, recalled->floor_sha256);

	*ret_doubtful = recalled->doubtful;
	if (recalled->names_are_hidden) {
		recalled->destination.host.more = is_then ? MORE_NAMES_HIDDEN : MORE_NAMES_UNKNOWN;
		*ret_doubtful |= is_then ? 0 : field_bit(field_find("ssh_dest"));
	}
	if (recalled->caller->state != CALLER_IDENTIFIED) {
		/* Nothing of it counts, nor did. */
		for (size_t i = 0; i < n_fields; i++)
			if ((fields[i].traits & FIELD_OF_CALLER) != 0)
				*ret_doubtful &= ~field_bit(&fields[i]);
		return request;
	}
	recalled->caller->env_cut = !(is_then && recalled->env_is_whole);
	if (recalled->caller->env == NULL || recalled->caller->env_cut)
		*ret_doubtful |= field_bit(field_find("env"));
	*agents = policy_coding_agents(policy, &request);
	if (agents->complete)
		return request;
	if (agents->count == 0 && recalled->was_agent == TRI_NO && !policy_defines_agents(policy))
		agents->complete = true;
	else
		*ret_doubtful |= field_bit(field_find("is_coding_agent")) |
		                 field_bit(field_find("coding_agent"));
	return request;
}

/* What one policy says, and may say. */
struct saying {
	struct verdict verdict;
	unsigned prospects;
	const char *lacking;
};

static struct saying say(struct recalled *recalled, const struct policy *policy) {
	struct saying saying = {0};
	uint64_t doubtful;
	struct request request = recalled_request(recalled, policy, &doubtful);

	saying.verdict = policy_decide(policy, &request);
	saying.prospects = policy_prospects(policy, &request, doubtful, &saying.lacking);
	return saying;
}

static struct verdict verdict_of(unsigned prospect) {
	static const char rule[] = "default"; /* only the action is looked at */

	switch ((enum prospect)prospect) {
	case PROSPECT_DENY: break;
	case PROSPECT_CONFIRM: return (struct verdict){.action = ACTION_CONFIRM, .rule = rule};
	case PROSPECT_ALLOW: return (struct verdict){.action = ACTION_ALLOW, .rule = rule};
	case PROSPECT_WEAK_ALLOW:
		return (struct verdict){.action = ACTION_ALLOW, .rule = rule, .weak = true};
	}
	return (struct verdict){.rule = rule};
}

static unsigned prospect_of_action(enum action action) {
	switch (action) {
	case ACTION_DENY: break;
	case ACTION_CONFIRM: return PROSPECT_CONFIRM;
	case ACTION_ALLOW: return PROSPECT_ALLOW;
	}
	return PROSPECT_DENY;
}

/* Every pair of what they may say. */
static unsigned stricter_of(const struct policy *floor, unsigned above, unsigned below) {
	unsigned prospects = 0;

	for (unsigned a = 1; a <= PROSPECT_WEAK_ALLOW; a <<= 1)
		for (unsigned b = 1; b <= PROSPECT_WEAK_ALLOW; b <<= 1)
			if ((above & a) != 0 && (below & b) != 0)
				prospects |= prospect_of_action(
					floor_stricter(floor, verdict_of(a), verdict_of(b)).action);
	return prospects;
}

struct redecided recalled_decide(struct recalled *recalled, const struct policy *floor,
                                 const struct policy *policy) {
	struct saying saying = say(recalled, policy), above;
	struct redecided redecided = {saying.verdict, saying.lacking, saying.prospects};

	if (floor != NULL) {
		above = say(recalled, floor);
		redecided.verdict = floor_stricter(floor, above.verdict, saying.verdict);
		redecided.prospects = stricter_of(floor, above.prospects, saying.prospects);
		if (redecided.lacking == NULL)
			redecided.lacking = above.lacking;
	}
	/* How weak an allow is, is no other action. */
	if ((redecided.prospects & PROSPECT_WEAK_ALLOW) != 0)
		redecided.prospects = (redecided.prospects & ~(unsigned)PROSPECT_WEAK_ALLOW) |
		                      PROSPECT_ALLOW;
	if ((redecided.prospects & (redecided.prospects - 1)) == 0)
		redecided.lacking = NULL;
	return redecided;
}
