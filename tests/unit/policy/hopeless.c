/* A key is hopeless where every login with it is denied, whoever logs in, and not before. */
#include "policy/hopeless.h"

#include "fixture.h"

static const struct payload login_of_anybody = {.kind = PAYLOAD_SSH_LOGIN};

static bool hopeless(const char *text) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct problems problems = {0};
	struct policy *policy = NULL;
	bool result;

	request.payload = &login_of_anybody;
	assert_int_equal(policy_parse(&policy, bytes_of_text(text), "p.yaml", NULL, &problems), 0);
	result = policy_is_hopeless(policy, &request);
	if (result)
		assert_int_equal(policy_decide(policy, &request).action, ACTION_DENY);
	policy_unref(policy);
	problems_deinit(&problems);
	return result;
}

#define DENIES   "default_action: deny\nrules:\n"
#define ALLOWS   "default_action: allow\nrules:\n"
#define CONFIRMS "default_action: confirm\nrules:\n"

static void what_no_rule_lets_through_is_hopeless(void **state) {
	(void)state;
	assert_true(hopeless("default_action: deny\n"));
	assert_true(hopeless(DENIES "- {match: {process_name: nobody}, action: allow}\n"));
	assert_true(hopeless(ALLOWS "- {match: {process_name: ssh}, action: deny}\n"));
	assert_true(hopeless(CONFIRMS "- {match: {}, action: deny}\n"));
	assert_true(hopeless(DENIES "- {match: {operation: add}, action: allow}\n"));
	assert_true(hopeless(DENIES "- {match: {sign_type: sshsig}, action: allow}\n"));
}

static void what_may_be_allowed_or_confirmed_is_not(void **state) {
	(void)state;
	assert_false(hopeless("default_action: allow\n"));
	assert_false(hopeless("default_action: confirm\n"));
	assert_false(hopeless(DENIES "- {match: {process_name: ssh}, action: allow}\n"));
	assert_false(hopeless(DENIES "- {match: {process_name: ssh}, action: confirm}\n"));
}

static void the_user_who_is_not_known_yet_is_waited_for(void **state) {
	(void)state;
	assert_false(hopeless(DENIES "- {match: {ssh_user: git}, action: allow}\n"));
	assert_false(hopeless(DENIES "- {match: {ssh_user: git}, action: confirm}\n"));
	assert_false(hopeless(DENIES "- {match: {ssh_user: git}, action: confirm}\n"
	                             "- {match: {}, action: deny}\n"));
	assert_false(hopeless(DENIES "- {match: {}, unless: {ssh_user: root}, action: allow}\n"));
	assert_false(hopeless(ALLOWS "- {match: {ssh_user: root}, action: deny}\n"));
	assert_true(hopeless(DENIES "- {match: {ssh_user: root}, action: deny}\n"));
	assert_true(hopeless(DENIES "- {match: {ssh_user: root}, action: deny}\n"
	                            "- {match: {process_name: ssh}, action: deny}\n"
	                            "- {match: {ssh_user: git}, action: allow}\n"));
	assert_false(hopeless(ALLOWS "- {match: {}, unless: {ssh_user: git}, action: deny}\n"));
	assert_true(hopeless(DENIES
	                     "- {match: {ssh_user: git, process_name: nobody}, action: allow}\n"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_rule_lets_through_is_hopeless),
		cmocka_unit_test(what_may_be_allowed_or_confirmed_is_not),
		cmocka_unit_test(the_user_who_is_not_known_yet_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
