/*
 * Facts in, verdict out. Nothing here could block, allocate, or lie about the time, so that the
 * daemon, its tools and the fuzzer all run the same lines.
 */
#include <string.h>

#include "policy/endpoint.h"
#include "policy/explain.h"
#include "policy/rule.h"

/* Whether a match, or a whole rule, fits. */
struct outcome {
	enum fit fit;
	const char *field; /* the first one that kept it from FIT_YES; NULL: no single one */
	bool in_unless;    /* of a rule: its unless did */
};

static struct outcome match_test(const struct match *match, struct subject *subject) {
	struct outcome outcome = {.fit = FIT_YES};

	for (size_t i = 0; i < match->n_conditions; i++) {
		const struct condition *condition = &match->conditions[i];
		enum fit fit = field_test(condition, subject);

		switch (fit) {
		case FIT_NO:
		case FIT_LIMIT:
			return (struct outcome){.fit = fit, .field = condition->field->name};
		case FIT_CLAIMED:
		case FIT_UNKNOWN:
			/* Claims are the less: with one, an allow does not lack a fact. */
			if (fit < outcome.fit)
				outcome.fit = fit;
			if (outcome.field == NULL)
				outcome.field = condition->field->name;
			break;
		case FIT_YES: break;
		}
	}
	return outcome;
}

static bool speaks_of_payload(const struct rule *rule, const struct request *request) {
	enum payload_kind kind = request->payload != NULL ? request->payload->kind
	                                                  : PAYLOAD_UNKNOWN;

	return request->operation != OPERATION_SIGN || (rule->sign_types & 1U << kind) != 0;
}

static struct outcome rule_test(const struct rule *rule, struct subject *subject) {
	struct outcome outcome = {.fit = FIT_NO};
	struct outcome unless;

	/* Whoever writes a rule for ssh does not think of what ssh might do to the agent. */
	if ((rule->operations & 1U << subject->request->operation) == 0)
		return outcome;
	outcome = match_test(&rule->match, subject);
	if (outcome.fit == FIT_YES && !speaks_of_payload(rule, subject->request))
		outcome = (struct outcome){.fit = FIT_UNKNOWN, .field = "sign_type"};
	if (rule->unless.n_conditions == 0 || outcome.fit == FIT_NO || outcome.fit == FIT_LIMIT)
		return outcome;
	unless = match_test(&rule->unless, subject);
	unless.in_unless = true;
	switch (unless.fit) {
	case FIT_NO: return outcome;
	case FIT_LIMIT: return unless;
	case FIT_YES: return (struct outcome){.fit = FIT_NO, .in_unless = true};
	case FIT_CLAIMED:
	case FIT_UNKNOWN:
		/* It may be taken back: an allow is, a deny is not. */
		unless.fit = FIT_UNKNOWN;
		return outcome.fit == FIT_YES ? unless : outcome;
	}
	return outcome;
}

/* A caller of whom nothing can be proved needs a rule that was written for it: one on an endpoint
 * that somebody set up. Those of `exec` every program of this account can have, under any label:
 * a rule on them must ask for something that is proved. */
static bool may_allow(const struct rule *rule, const struct request *request) {
	if (rule->names_endpoint && endpoint_is_of_exec(request->endpoint))
		return !rule_is_weak(rule);
	return request->caller->state == CALLER_IDENTIFIED ||
	       (rule->names_endpoint && strcmp(request->endpoint, "default") != 0);
}

static enum action default_for(const struct policy *policy, enum operation operation) {
	switch (operation) {
	case OPERATION_SIGN: return policy->default_action;
	case OPERATION_LIST: return ACTION_ALLOW;
	case OPERATION_ADD:
	case OPERATION_REMOVE:
	case OPERATION_REMOVE_ALL:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_REMOVE_SMARTCARD:
	case OPERATION_EXTENSION:
	case OPERATION_UNKNOWN: break;
	}
	return policy->default_change_action;
}

static struct verdict default_verdict(const struct policy *policy, const struct request *request,
                                      const char *missing) {
	struct verdict verdict = {.action = default_for(policy, request->operation),
	                          .rule = "default"};

	if (verdict.action != ACTION_ALLOW)
		verdict.missing = missing;
	else if (request->operation == OPERATION_LIST)
		return verdict;
	else if (!policy->is_floor && request->caller->state != CALLER_IDENTIFIED)
		verdict = (struct verdict){
			.action = ACTION_DENY, .rule = "default", .missing = "caller"};
	else
		verdict.weak = true;
	return verdict;
}

/* The way through the rules. */
struct search {
	const struct policy *policy;
	const struct request *request;
	struct verdict confirm; /* an uncertain one, once it has a rule */
	const char *missing;    /* what kept an allow from fitting */
	bool has_ended;
	struct verdict verdict; /* once it has ended */
};

static void end(struct search *search, struct verdict verdict) {
	search->has_ended = true;
	search->verdict = verdict;
}

static struct verdict verdict_of(const struct rule *rule, enum action action, const char *missing) {
	return (struct verdict){.action = action,
	                        .rule = rule->name,
	                        .missing = missing,
	                        .log = rule->log,
	                        .notify = rule->notify};
}

static void consider_allow(struct search *search, const struct rule *rule,
                           const struct outcome *outcome) {
	bool fits = outcome->fit == FIT_YES;
	bool weak = rule_is_weak(rule);

	struct verdict verdict = verdict_of(rule, ACTION_ALLOW, NULL);

	verdict.weak = weak;
	if (fits && may_allow(rule, search->request) && !(weak && search->policy->require_proof))
		end(search, search->confirm.rule != NULL ? search->confirm : verdict);
	else if (search->missing == NULL && fits)
		search->missing = may_allow(rule, search->request) ||
		                                  search->request->caller->state == CALLER_IDENTIFIED
		                          ? "proof"
		                          : "caller";
	else if (search->missing == NULL && outcome->fit == FIT_UNKNOWN)
		search->missing = outcome->field;
}

static void consider(struct search *search, const struct rule *rule,
                     const struct outcome *outcome) {
	struct verdict verdict = verdict_of(rule, rule->action, outcome->field);

	if (outcome->fit == FIT_NO)
		return;
	if (outcome->fit == FIT_LIMIT) {
		end(search, verdict_of(rule, ACTION_DENY, "pattern-limit"));
		return;
	}
	if (verdict.missing == NULL)
		verdict.missing = search->missing;
	switch (rule->action) {
	case ACTION_DENY: end(search, verdict); break;
	case ACTION_CONFIRM:
		if (search->confirm.rule == NULL)
			search->confirm = verdict;
		if (outcome->fit == FIT_YES)
			end(search, search->confirm);
		break;
	case ACTION_ALLOW: consider_allow(search, rule, outcome); break;
	}
}

static enum standing standing_of(const struct search *search, const struct rule *rule,
                                 const struct outcome *outcome) {
	switch (outcome->fit) {
	case FIT_NO:
		if (outcome->in_unless)
			return STANDING_TAKEN_BACK;
		return outcome->field != NULL ? STANDING_NO : STANDING_OTHER_OPERATION;
	case FIT_CLAIMED: return STANDING_CLAIMED;
	case FIT_UNKNOWN: return STANDING_POSSIBLE;
	case FIT_YES: break;
	case FIT_LIMIT: return STANDING_LIMIT;
	}
	if (rule->action != ACTION_ALLOW)
		return STANDING_FITS;
	if (!may_allow(rule, search->request))
		return STANDING_BARRED;
	return search->policy->require_proof && rule_is_weak(rule) ? STANDING_WEAK : STANDING_FITS;
}

static void tell(const struct search *search, const struct rule *rule,
                 const struct outcome *outcome, account_taker *take, void *data) {
	struct account account = {
		.rule = rule->name,
		.action = rule->action,
		.standing = standing_of(search, rule, outcome),
		.field = outcome->field,
		.in_unless = outcome->in_unless,
		.weak = rule_is_weak(rule),
		.too_late = search->has_ended,
	};

	take(data, &account);
}

struct verdict policy_explain(const struct policy *policy, const struct request *request,
                              account_taker *take, void *data) {
	struct search search = {.policy = policy, .request = request};
	struct subject subject;

	subject_init(&subject, request);
	/* Whoever wants to be told hears of the rules behind the end, too. */
	for (size_t i = 0; i < policy->n_rules && (!search.has_ended || take != NULL); i++) {
		const struct rule *rule = &policy->rules[i];
		struct outcome outcome = rule_test(rule, &subject);

		if (take != NULL)
			tell(&search, rule, &outcome, take, data);
		if (!search.has_ended)
			consider(&search, rule, &outcome);
	}
	if (search.has_ended)
		return search.verdict;
	return search.confirm.rule != NULL ? search.confirm
	                                   : default_verdict(policy, request, search.missing);
}

struct verdict policy_decide(const struct policy *policy, const struct request *request) {
	return policy_explain(policy, request, NULL, NULL);
}

/* ---- where facts are in doubt ---- */

static uint64_t fields_named(const struct rule *rule) {
	uint64_t named = 0;

	for (size_t i = 0; i < rule->match.n_conditions; i++)
		named |= field_bit(rule->match.conditions[i].field);
	for (size_t i = 0; i < rule->unless.n_conditions; i++)
		named |= field_bit(rule->unless.conditions[i].field);
	return named;
}

static const char *first_field(uint64_t named) {
	for (size_t i = 0; i < n_fields; i++)
		if ((named & UINT64_C(1) << i) != 0)
			return fields[i].name;
	return NULL;
}

static enum prospect prospect_of(const struct verdict *verdict) {
	switch (verdict->action) {
	case ACTION_DENY: break;
	case ACTION_CONFIRM: return PROSPECT_CONFIRM;
	case ACTION_ALLOW: return verdict->weak ? PROSPECT_WEAK_ALLOW : PROSPECT_ALLOW;
	}
	return PROSPECT_DENY;
}

/* Where the search may stand before a rule: no confirm was uncertain yet, or one was. */
struct stages {
	bool plain, pending;
};

/* Goes on from one of them, if the rule stands so to the request. */
static void go_on(struct stages *ret, unsigned *ret_prospects, const struct search *from,
                  const struct rule *rule, const struct outcome *outcome) {
	struct search search = *from;

	consider(&search, rule, outcome);
	if (search.has_ended)
		*ret_prospects |= (unsigned)prospect_of(&search.verdict);
	else if (search.confirm.rule != NULL)
		ret->pending = true;
	else
		ret->plain = true;
}

unsigned policy_prospects(const struct policy *policy, const struct request *request,
                          uint64_t doubtful, const char **ret_field) {
	struct search plain = {.policy = policy, .request = request}, pending = plain;
	struct stages stages = {.plain = true};
	struct subject subject;
	struct verdict verdict;
	unsigned prospects = 0;

	*ret_field = NULL;
	pending.confirm = (struct verdict){.action = ACTION_CONFIRM, .rule = "default"};
	subject_init(&subject, request);
	for (size_t i = 0; i < policy->n_rules && (stages.plain || stages.pending); i++) {
		const struct rule *rule = &policy->rules[i];
		struct outcome outcome = rule_test(rule, &subject);
		uint64_t in_doubt = fields_named(rule) & doubtful;
		/* What is certain, is so whatever else may come to be known. */
		bool is_open = in_doubt != 0 &&
		               (outcome.fit == FIT_UNKNOWN || outcome.fit == FIT_CLAIMED);
		const struct outcome may_be[] = {outcome, {.fit = FIT_NO}, {.fit = FIT_YES}};
		struct stages next = {false, false};

		for (size_t j = 0; j < (is_open ? 3 : 1); j++) {
			if (stages.plain)
				go_on(&next, &prospects, &plain, rule, &may_be[j]);
			if (stages.pending)
				go_on(&next, &prospects, &pending, rule, &may_be[j]);
		}
		if (is_open && *ret_field == NULL)
			*ret_field = first_field(in_doubt);
		stages = next;
	}
	verdict = default_verdict(policy, request, NULL);
	if (stages.plain)
		prospects |= (unsigned)prospect_of(&verdict);
	if (stages.pending)
		prospects |= PROSPECT_CONFIRM;
	return prospects;
}
