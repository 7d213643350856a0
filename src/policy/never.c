#include "policy/never.h"

#include <string.h>

#include "facts/payload.h"
#include "policy/endpoint.h"
#include "policy/hidden.h"

/* What there must be for a field to hold. */
enum need { NEED_NOTHING, NEED_KEY, NEED_SIGN_TYPE, NEED_LOGIN, NEED_SSHSIG, NEED_DESTINATION };

static enum need need_of(const struct field *field) {
	static const struct {
		const char *field;
		enum need need;
	} needs[] = {
		{"key", NEED_KEY},
		{"key_comment", NEED_KEY},
		{"key_type", NEED_KEY},
		{"sign_type", NEED_SIGN_TYPE},
		{"ssh_user", NEED_LOGIN},
		{"namespace", NEED_SSHSIG},
		{"dest_key", NEED_DESTINATION},
		{"dest_evidence", NEED_DESTINATION},
		{"ssh_dest", NEED_DESTINATION},
		{"dest_mismatch", NEED_DESTINATION},
		{"is_in_known_hosts", NEED_DESTINATION},
		{"known_hosts", NEED_DESTINATION},
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (strcmp(needs[i].field, field->name) == 0)
			return needs[i].need;
	return NEED_NOTHING;
}

/* The best that a condition could be of a signature of that kind. */
static enum fit best_of_signature(const struct condition *condition, enum payload_kind kind) {
	enum payload_kind wanted = PAYLOAD_UNKNOWN;

	switch (need_of(condition->field)) {
	case NEED_NOTHING:
	case NEED_KEY: return FIT_YES;
	case NEED_SIGN_TYPE: return (condition->wanted & 1U << kind) != 0 ? FIT_YES : FIT_NO;
	case NEED_LOGIN:
	case NEED_DESTINATION: wanted = PAYLOAD_SSH_LOGIN; break;
	case NEED_SSHSIG: wanted = PAYLOAD_SSHSIG; break;
	}
	if (kind == PAYLOAD_UNKNOWN)
		return FIT_UNKNOWN;
	return kind == wanted ? FIT_YES : FIT_NO;
}

static enum fit best_of_other(const struct condition *condition, enum operation operation) {
	enum need need = need_of(condition->field);

	if (need == NEED_NOTHING || (need == NEED_DESTINATION && operation == OPERATION_LIST))
		return FIT_YES;
	if (need == NEED_KEY)
		return operation == OPERATION_LIST || operation == OPERATION_LOCK ||
		                       operation == OPERATION_UNLOCK
		               ? FIT_NO
		               : FIT_YES;
	return operation == OPERATION_EXTENSION || operation == OPERATION_UNKNOWN ? FIT_UNKNOWN
	                                                                          : FIT_NO;
}

static enum fit best_of(const struct match *match, enum operation operation,
                        enum payload_kind kind) {
	enum fit best = FIT_YES;

	for (size_t i = 0; i < match->n_conditions; i++) {
		const struct condition *condition = &match->conditions[i];
		enum fit fit = operation == OPERATION_SIGN ? best_of_signature(condition, kind)
		                                           : best_of_other(condition, operation);

		best = fit < best ? fit : best;
	}
	return best;
}

/* Whether there is anything asked for of which all could hold: for certain, where it allows. */
static bool has_a_subject(const struct rule *rule) {
	enum fit needed = rule->action == ACTION_ALLOW ? FIT_YES : FIT_UNKNOWN;

	for (unsigned i = 0; i < OPERATION_COUNT; i++) {
		if ((rule->operations & 1U << i) == 0)
			continue;
		for (unsigned kind = 0; kind <= PAYLOAD_SSHSIG; kind++)
			if (best_of(&rule->match, (enum operation)i, (enum payload_kind)kind) >=
			    needed)
				return true;
	}
	return false;
}

static const struct condition *find(const struct match *match, const char *field) {
	for (size_t i = 0; i < match->n_conditions; i++)
		if (strcmp(match->conditions[i].field->name, field) == 0)
			return &match->conditions[i];
	return NULL;
}

static bool wants_only(const struct condition *condition, enum tri value) {
	return condition != NULL && condition->wanted == 1U << value;
}

/* Where a fact is not known, both may hold for a rule that denies. */
static const char *contradiction(const struct match *match) {
	const struct condition *forwarded = find(match, "is_forwarded");
	const struct condition *hops = find(match, "hops");

	if (wants_only(forwarded, TRI_NO) &&
	    (find(match, "forwarded_via") != NULL || (hops != NULL && (hops->wanted & 1) == 0)))
		return "what is not forwarded comes over no host";
	if (wants_only(forwarded, TRI_YES) && hops != NULL && hops->wanted == 1)
		return "what is forwarded comes over a host at least";
	if (wants_only(find(match, "is_coding_agent"), TRI_NO) &&
	    find(match, "coding_agent") != NULL)
		return "where there is no coding agent, none has a name";
	return NULL;
}

/* Sockets of `exec` have names of their own. */
static bool may_be_an_endpoint(const struct policy *policy, const struct pattern *pattern) {
	const char *name = pattern->source;

	if (policy->is_floor || pattern->regex != NULL || pattern_has_wildcard(pattern) ||
	    strcmp(name, "default") == 0 || strncmp(name, "exec:", 5) == 0)
		return true;
	for (size_t i = 0; i < policy->n_endpoints; i++)
		if (strcmp(policy->endpoints[i].name, name) == 0)
			return true;
	return false;
}

static bool has_an_endpoint(const struct policy *policy, const struct match *match) {
	const struct condition *condition = find(match, "endpoint");

	if (condition == NULL)
		return true;
	for (size_t i = 0; i < condition->n_patterns; i++)
		if (may_be_an_endpoint(policy, &condition->patterns[i]))
			return true;
	return false;
}

static bool may_be_an_agent(const struct policy *policy, const struct pattern *pattern) {
	if (pattern->regex != NULL || pattern_has_wildcard(pattern))
		return true;
	for (size_t i = 0; i < policy->n_agents; i++)
		if (strcmp(policy->agents[i].name, pattern->source) == 0)
			return true;
	return false;
}

static bool has_an_agent(const struct policy *policy, const struct match *match) {
	const struct condition *condition = find(match, "coding_agent");

	for (size_t i = 0; condition != NULL && i < condition->n_patterns; i++)
		if (may_be_an_agent(policy, &condition->patterns[i]))
			return true;
	return condition == NULL;
}

const char *never_fits(const struct policy *policy, const struct rule *rule) {
	size_t steps_left = HIDDEN_STEPS_MAX / 1000;
	const char *why = NULL;

	if (!has_a_subject(rule))
		return "what it asks for is never together: a login has a user and a host, a "
		       "signature of data a namespace, and what changes the agent none of them";
	if (!has_an_endpoint(policy, &rule->match))
		return "endpoints: names no socket of that name";
	if (!has_an_agent(policy, &rule->match))
		return "no coding agent is defined by that name, here or built in";
	if (rule->action == ACTION_ALLOW)
		why = contradiction(&rule->match);
	if (why == NULL && rule->action == ACTION_ALLOW && rule->unless.n_conditions > 0 &&
	    match_covers(&rule->unless, &rule->match, &steps_left))
		why = "unless holds wherever match does";
	return why;
}
