#include "policy/trace.h"

#include "policy/explain.h"

static const char *word(enum standing standing) {
	switch (standing) {
	case STANDING_OTHER_OPERATION: return "other-operation";
	case STANDING_NO: return "no";
	case STANDING_TAKEN_BACK: return "unless";
	case STANDING_CLAIMED: return "claimed";
	case STANDING_POSSIBLE: return "unknown";
	case STANDING_FITS: return "fits";
	case STANDING_BARRED: return "unidentified";
	case STANDING_WEAK: return "weak";
	case STANDING_LIMIT: return "limit";
	}
	return "invalid";
}

static void take_account(void *data, const struct account *account) {
	struct rule_trace *trace = data;

	if (account->too_late || account->standing == STANDING_OTHER_OPERATION ||
	    trace->count == RULE_TRACE_MAX)
		return;
	trace->steps[trace->count++] = (struct rule_step){account->rule, word(account->standing),
	                                                  account->field};
}

void policy_trace(struct rule_trace *ret, const struct policy *policy,
                  const struct request *request) {
	*ret = (struct rule_trace){0};
	if (policy_rule_count(policy) <= TRACED_RULES_MAX)
		policy_explain(policy, request, take_account, ret);
}
