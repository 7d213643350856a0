/*
 * Facts in, verdict out. Nothing here could block, allocate, or lie about the time, so that the
 * daemon, its tools and the fuzzer all run the same lines.
 */
#include <string.h>

#include "policy/rule.h"

/* Whether a match, or a whole rule, fits. */
struct outcome {
	enum fit fit;
	const char *missing; /* the field that made it FIT_CLAIMED or FIT_UNKNOWN; else NULL */
};

static struct outcome match_test(const struct match *match, struct subject *subject) {
	struct outcome outcome = {.fit = FIT_YES};

	for (size_t i = 0; i < match->n_conditions; i++) {
		const struct condition *condition = &match->conditions[i];
		enum fit fit = field_test(condition, subject);

		switch (fit) {
		case FIT_NO:
		case FIT_LIMIT: return (struct outcome){.fit = fit};
		case FIT_CLAIMED:
		case FIT_UNKNOWN:
			/* Claims are the less: with one, an allow does not lack a fact. */
			if (fit < outcome.fit)
				outcome.fit = fit;
			if (outcome.missing == NULL)
				outcome.missing = condition->field->name;
			break;
		case FIT_YES: break;
		}
	}
	return outcome;
}

static struct outcome rule_test(const struct rule *rule, struct subject *subject) {
	struct outcome outcome = {.fit = FIT_NO};
	struct outcome unless;

	/* Whoever writes a rule for ssh does not think of what ssh might do to the agent. */
	if ((rule->operations & 1U << subject->request->operation) == 0)
		return outcome;
	outcome = match_test(&rule->match, subject);
	if (rule->unless.n_conditions == 0 || outcome.fit == FIT_NO || outcome.fit == FIT_LIMIT)
		return outcome;
	unless = match_test(&rule->unless, subject);
	switch (unless.fit) {
	case FIT_NO: return outcome;
	case FIT_LIMIT: return unless;
	case FIT_YES: return (struct outcome){.fit = FIT_NO};
	case FIT_CLAIMED:
	case FIT_UNKNOWN:
		/* It may be taken back: an allow is, a deny is not. */
		if (outcome.fit == FIT_YES)
			outcome = (struct outcome){.fit = FIT_UNKNOWN, .missing = unless.missing};
		break;
	}
	return outcome;
}

/* A caller of whom nothing can be proved needs a rule that was written for it: one on an endpoint
 * that somebody set up. */
static bool may_allow(const struct rule *rule, const struct request *request) {
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
	else if (request->caller->state != CALLER_IDENTIFIED &&
		 request->operation != OPERATION_LIST)
		verdict = (struct verdict){ACTION_DENY, "default", "caller"};
	return verdict;
}

struct verdict policy_decide(const struct policy *policy, const struct request *request) {
	struct subject subject = {.request = request};
	struct verdict confirm = {0}; /* an uncertain one, once it has a rule */
	const char *missing = NULL;   /* what kept an allow from fitting */

	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		struct outcome outcome = rule_test(rule, &subject);
		struct verdict verdict = {rule->action, rule->name, outcome.missing};

		if (outcome.fit == FIT_NO)
			continue;
		if (outcome.fit == FIT_LIMIT)
			return (struct verdict){ACTION_DENY, rule->name, "pattern-limit"};
		switch (rule->action) {
		case ACTION_DENY:
			if (verdict.missing == NULL)
				verdict.missing = missing;
			return verdict;
		case ACTION_CONFIRM:
			if (verdict.missing == NULL)
				verdict.missing = missing;
			if (confirm.rule == NULL)
				confirm = verdict;
			if (outcome.fit == FIT_YES)
				return confirm;
			break;
		case ACTION_ALLOW:
			if (outcome.fit == FIT_YES && may_allow(rule, request))
				return confirm.rule != NULL ? confirm : verdict;
			if (missing == NULL && outcome.fit == FIT_YES)
				missing = "caller";
			else if (missing == NULL && outcome.fit == FIT_UNKNOWN)
				missing = outcome.missing;
			break;
		}
	}
	return confirm.rule != NULL ? confirm : default_verdict(policy, request, missing);
}
