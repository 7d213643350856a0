/* What is told of each rule, and which field is named. That the verdict is the one of deciding is
 * shown by property.c. */
#include "fixture.h"

#include "policy/explain.h"

#define RULES "default_action: deny\nrules:\n"

static void take_first(void *data, const struct account *account) {
	struct account *first = data;

	if (first->rule == NULL)
		*first = *account;
}

/* One rule; its account is compared, and must hold as long as the policy. */
static void assert_account(const char *rule, const struct request *request, enum standing standing,
                           const char *field, bool in_unless) {
	CLEANUP(free_policy) struct policy *policy = NULL;
	struct account account = {0};
	char text[512];

	snprintf(text, sizeof(text), RULES "- %s\n", rule);
	policy = must_parse(text);
	policy_explain(policy, request, take_first, &account);
	assert_string_equal(account.rule, "rule-1");
	if (account.standing != standing)
		print_message("# %s\n", rule);
	assert_int_equal(account.standing, standing);
	if (field == NULL)
		assert_null(account.field);
	else
		assert_string_equal(account.field, field);
	assert_int_equal(account.in_unless, in_unless);
	assert_false(account.too_late);
}

static void each_rule_is_told_with_the_field_that_made_it_so(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.process.exe = NULL; /* unknown */
	assert_account("{match: {key: SHA256:47D}, action: deny}", &request, STANDING_FITS, NULL,
	               false);
	assert_account("{match: {}, action: allow}", &request, STANDING_FITS, NULL, false);
	assert_account("{match: {key: SHA256:47D, process_name: git}, action: deny}", &request,
	               STANDING_NO, "process_name", false);
	assert_account("{match: {exe: /x}, action: allow}", &request, STANDING_POSSIBLE, "exe",
	               false);
	/* What is certain not to hold says more than what is not known. */
	assert_account("{match: {exe: /x, key: SHA256:abc}, action: deny}", &request, STANDING_NO,
	               "key", false);
	assert_account("{match: {ancestor: coder.py}, action: deny}", &request, STANDING_CLAIMED,
	               "ancestor", false);
	assert_account("{match: {operation: add}, action: allow}", &request,
	               STANDING_OTHER_OPERATION, NULL, false);
	assert_account("{match: {}, unless: {key: SHA256:47D}, action: allow}", &request,
	               STANDING_TAKEN_BACK, NULL, true);
	assert_account("{match: {}, unless: {exe: /x}, action: allow}", &request, STANDING_POSSIBLE,
	               "exe", true);
	assert_account("{match: {}, unless: {key: SHA256:abc}, action: allow}", &request,
	               STANDING_FITS, NULL, false);
}

static void a_rule_without_operation_speaks_of_signatures(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.operation = OPERATION_LOCK;
	assert_account("{match: {}, action: deny}", &request, STANDING_OTHER_OPERATION, NULL,
	               false);
}

static void an_allow_for_a_caller_that_is_not_identified_is_barred(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.state = CALLER_UNKNOWN;
	assert_account("{match: {key: SHA256:47D}, action: allow}", &request, STANDING_BARRED, NULL,
	               false);
	assert_account("{match: {key: SHA256:47D}, action: deny}", &request, STANDING_FITS, NULL,
	               false);
	assert_account("{match: {process_name: ssh}, action: allow}", &request, STANDING_POSSIBLE,
	               "process_name", false);
}

static void a_pattern_at_its_limit_is_told_with_its_field(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char name[2049];

	(void)state;
	memset(name, 'a', 2047);
	memcpy(name + 2047, "!", 2);
	caller.process.name = name;
	assert_account("{match: {process_name: '~(a+)+$'}, action: allow}", &request,
	               STANDING_LIMIT, "process_name", false);
	assert_account("{match: {}, unless: {process_name: '~(a+)+$'}, action: allow}", &request,
	               STANDING_LIMIT, "process_name", true);
}

struct late {
	size_t count;
	size_t n_late;
};

static void count_late(void *data, const struct account *account) {
	struct late *late = data;

	late->count++;
	late->n_late += account->too_late;
}

static void rules_behind_the_one_that_decides_are_told_as_too_late(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse(RULES "- {match: {process_name: x}, action: deny}\n"
	                                         "- {match: {key: SHA256:47D}, action: allow}\n"
	                                         "- {match: {has_terminal: yes}, action: deny}\n"
	                                         "- {match: {}, action: confirm}\n");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct late late = {0};
	struct verdict verdict = policy_explain(policy, &request, count_late, &late);

	(void)state;
	assert_int_equal(verdict.action, ACTION_ALLOW);
	assert_string_equal(verdict.rule, "rule-2");
	assert_int_equal(late.count, 4);
	assert_int_equal(late.n_late, 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_told_with_the_field_that_made_it_so),
		cmocka_unit_test(a_rule_without_operation_speaks_of_signatures),
		cmocka_unit_test(an_allow_for_a_caller_that_is_not_identified_is_barred),
		cmocka_unit_test(a_pattern_at_its_limit_is_told_with_its_field),
		cmocka_unit_test(rules_behind_the_one_that_decides_are_told_as_too_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
