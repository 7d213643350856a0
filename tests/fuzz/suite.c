/* Any text as a file of tests: refused with problems, or run. */
#include <stdlib.h>
#include <string.h>

#include "describe/suite.h"
#include "policy/explain.h"

static void take_account(void *data, const struct account *account) {
	size_t *n_deciding = data;

	if (account->rule == NULL || account->too_late)
		return;
	*n_deciding += account->standing == STANDING_FITS;
}

static void take(void *data, const struct outcome_of_test *outcome) {
	size_t n_deciding = 0;
	struct verdict explained;

	(void)data;
	if (outcome->name == NULL || outcome->passed != (outcome->n_mismatches == 0))
		abort();
	for (size_t i = 0; i < outcome->n_mismatches; i++)
		if (strcmp(outcome->mismatches[i].expected, outcome->mismatches[i].found) == 0 &&
		    *outcome->mismatches[i].found != '\0')
			abort();
	if ((outcome->policy == NULL) != (problems_total(outcome->problems) > 0))
		abort();
	if (outcome->policy == NULL || outcome->request == NULL)
		return;
	explained = policy_explain(outcome->policy, outcome->request, take_account, &n_deciding);
	if (explained.action != outcome->verdict.action || explained.rule != outcome->verdict.rule)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	static const struct surroundings surroundings = {.home = "/home/a"};
	static const char policy[] = "default_action: confirm\nrules:\n"
				     "- {match: {ancestor: '~(a+)+$'}, action: allow}\n"
				     "- {match: {exe: ~/bin/*, key: 'SHA256:*'}, action: deny}\n";
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct suite *suite = NULL;
	int error = suite_parse(&suite, (struct bytes){data, len}, "fuzz.yaml", &surroundings,
	                        &problems);

	if ((error == 0) != (problems_total(&problems) == 0))
		abort(); /* refused without a reason, or taken with one */
	if (error < 0)
		return 0;
	error = suite_run(suite, bytes_of_text(policy), "policy.yaml", take, NULL);
	suite_free(suite);
	return error == 0 ? 0 : -1;
}
