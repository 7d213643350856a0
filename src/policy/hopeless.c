#include "policy/hopeless.h"

#include <string.h>

#include "policy/explain.h"
#include "policy/field_test.h"
#include "policy/rule.h"

enum hope { HOPE_OPEN, HOPE_NONE, HOPE_SOME };

struct search {
	const struct policy *policy;
	const struct request *request;
	size_t n_told; /* rules */
	enum hope hope;
};

static bool hangs_on_user(const struct field *field) {
	static const char *const names[] = {"dest_mismatch", "ssh_dest", "ssh_user"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(field->name, names[i]) == 0)
			return true;
	return false;
}

/* Nor will the user tell it where the host has no name. */
static bool is_left_to_user(const struct field *field, const struct request *request) {
	const struct destination *dest = request->destination;

	return hangs_on_user(field) && !(strcmp(field->name, "ssh_dest") == 0 && dest != NULL &&
	                                 dest->host.n_names == dest->host.n_doubtful);
}

/* An allow must fit for certain. What is unknown of anything but the user stays so. */
static bool may_fit(const struct rule *rule, const struct request *request) {
	struct subject subject;

	subject_init(&subject, request);
	for (size_t i = 0; i < rule->match.n_conditions; i++) {
		const struct condition *condition = &rule->match.conditions[i];

		if (!is_left_to_user(condition->field, request) &&
		    field_test(condition, &subject) != FIT_YES)
			return false;
	}
	return true;
}

static enum hope hope_of(const struct search *search, const struct account *account,
                         const struct rule *rule) {
	bool denies = account->action == ACTION_DENY;
	bool allows = account->action == ACTION_ALLOW;

	switch (account->standing) {
	case STANDING_OTHER_OPERATION:
	case STANDING_NO:
	case STANDING_TAKEN_BACK:
	case STANDING_BARRED:
	case STANDING_WEAK: return HOPE_OPEN;
	/* An allow never fits by a claim. */
	case STANDING_CLAIMED: return denies || allows ? HOPE_OPEN : HOPE_SOME;
	/* For one user the search may end here, for another go on. */
	case STANDING_POSSIBLE:
		if (allows && !may_fit(rule, search->request))
			return HOPE_OPEN;
		return denies ? HOPE_OPEN : HOPE_SOME;
	case STANDING_FITS: return denies ? HOPE_NONE : HOPE_SOME;
	/* With another text it may not run into its limit. */
	case STANDING_LIMIT: return HOPE_SOME;
	}
	return HOPE_SOME;
}

static void take_account(void *data, const struct account *account) {
	struct search *search = data;
	const struct rule *rule = &search->policy->rules[search->n_told++];

	if (search->hope == HOPE_OPEN)
		search->hope = hope_of(search, account, rule);
}

bool policy_is_hopeless(const struct policy *policy, const struct request *request) {
	struct search search = {.policy = policy, .request = request};

	policy_explain(policy, request, take_account, &search);
	if (search.hope == HOPE_OPEN)
		return policy->default_action == ACTION_DENY;
	return search.hope == HOPE_NONE;
}

bool policy_hides_denied_keys(const struct policy *policy) {
	return !policy->offers_denied_keys;
}
