/* Which rule decides, where what is known of each is yes, no or "could be". */
#include "fixture.h"

#include <stdlib.h>

#include "base/clock.h"

static struct verdict decide(const char *text, const struct request *request) {
	static char rule[64]; /* the policy does not outlive this function */
	CLEANUP(free_policy) struct policy *policy = must_parse(text);
	struct verdict verdict = policy_decide(policy, request);

	snprintf(rule, sizeof(rule), "%s", verdict.rule);
	verdict.rule = rule;
	return verdict;
}

/* A caller of whom exe is not known, a request about FINGERPRINT. In the rules below
 * key: SHA256:47D is certainly so, key: SHA256:abc certainly not, and exe: /x is unknown. */
#define YES   "{match: {key: SHA256:47D}, action: "
#define NO    "{match: {key: SHA256:abc}, action: "
#define MAYBE "{match: {exe: /x}, action: "
/* The same by other fields: a rule that an earlier one hides is no policy. */
#define YES_TOO   "{match: {key_type: ssh-ed25519}, action: "
#define MAYBE_TOO "{match: {process_name: x}, action: "

struct row {
	const char *default_action;
	const char *rules;
	enum action action;
	const char *rule;
	const char *missing;
};

static void assert_rows(const struct row *rows, size_t n_rows) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	caller.process.exe = NULL;
	caller.process.name = NULL;
	for (size_t i = 0; i < n_rows; i++) {
		char text[1024];
		struct verdict verdict;

		snprintf(text, sizeof(text), "default_action: %s\nrules: [%s]\n",
		         rows[i].default_action, rows[i].rules);
		verdict = decide(text, &request);
		if (verdict.action != rows[i].action || strcmp(verdict.rule, rows[i].rule) != 0 ||
		    (verdict.missing == NULL) != (rows[i].missing == NULL))
			print_message("# %s# %s by %s for %s\n", text, action_name(verdict.action),
			              verdict.rule, verdict.missing);
		assert_int_equal(verdict.action, rows[i].action);
		assert_string_equal(verdict.rule, rows[i].rule);
		if (rows[i].missing == NULL)
			assert_null(verdict.missing);
		else
			assert_string_equal(verdict.missing, rows[i].missing);
	}
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]))

static void the_first_rule_that_fits_wins(void **state) {
	static const struct row rows[] = {
		{"deny", "", ACTION_DENY, "default", NULL},
		{"allow", "", ACTION_ALLOW, "default", NULL},
		{"confirm", "", ACTION_CONFIRM, "default", NULL},
		{"deny", YES "allow}", ACTION_ALLOW, "rule-1", NULL},
		{"allow", YES "deny}", ACTION_DENY, "rule-1", NULL},
		{"allow", YES "confirm}", ACTION_CONFIRM, "rule-1", NULL},
		{"deny", NO "allow}", ACTION_DENY, "default", NULL},
		{"deny", YES "allow}," YES_TOO "deny}", ACTION_ALLOW, "rule-1", NULL},
		{"deny", YES "deny}," YES_TOO "allow}", ACTION_DENY, "rule-1", NULL},
		{"deny", NO "deny}," YES "allow}", ACTION_ALLOW, "rule-2", NULL},
		{"deny", NO "deny},{name: b, match: {}, action: allow}", ACTION_ALLOW, "b", NULL},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void only_a_certain_match_allows_and_a_possible_one_denies(void **state) {
	static const struct row rows[] = {
		{"deny", MAYBE "allow}", ACTION_DENY, "default", "exe"},
		{"confirm", MAYBE "allow}", ACTION_CONFIRM, "default", "exe"},
		{"allow", MAYBE "allow}", ACTION_ALLOW, "default", NULL},
		{"allow", MAYBE "deny}", ACTION_DENY, "rule-1", "exe"},
		{"allow", MAYBE "deny}," YES "allow}", ACTION_DENY, "rule-1", "exe"},
		{"allow", MAYBE "confirm}", ACTION_CONFIRM, "rule-1", "exe"},
		{"deny", MAYBE "allow}," YES "allow}", ACTION_ALLOW, "rule-2", NULL},
		{"allow", MAYBE "allow}," YES "deny}", ACTION_DENY, "rule-2", "exe"},
		{"allow", YES "allow}," MAYBE "deny}", ACTION_ALLOW, "rule-1", NULL},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void an_uncertain_confirm_keeps_searching_for_a_deny(void **state) {
	static const struct row rows[] = {
		{"allow", MAYBE "confirm}," YES "deny}", ACTION_DENY, "rule-2", NULL},
		{"allow", MAYBE "confirm}," MAYBE_TOO "deny}", ACTION_DENY, "rule-2",
	         "process_name"},
		{"allow", MAYBE "confirm}," NO "deny}", ACTION_CONFIRM, "rule-1", "exe"},
		{"allow", MAYBE "confirm}," YES "allow}", ACTION_CONFIRM, "rule-1", "exe"},
		{"allow", MAYBE "confirm}," YES "confirm}", ACTION_CONFIRM, "rule-1", "exe"},
		/* What is certain ends the search, as it would have without the first rule. */
		{"allow", MAYBE "confirm}," YES "allow}," YES_TOO "deny}", ACTION_CONFIRM, "rule-1",
	         "exe"},
		{"allow", MAYBE "confirm}," YES "confirm}," YES_TOO "deny}", ACTION_CONFIRM,
	         "rule-1", "exe"},
		{"allow", MAYBE "confirm}," MAYBE_TOO "allow}," YES "deny}", ACTION_DENY, "rule-3",
	         "process_name"},
		{"allow", MAYBE "confirm}," MAYBE_TOO "confirm}," YES "deny}", ACTION_DENY,
	         "rule-3", NULL},
		{"allow", YES "confirm}," YES_TOO "deny}", ACTION_CONFIRM, "rule-1", NULL},
		/* It fits, so that the default is not asked. */
		{"deny", MAYBE "confirm}", ACTION_CONFIRM, "rule-1", "exe"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

#define UNLESS(match, unless, action) \
	"{match: {key: " match "}, unless: {" unless "}, action: " action "}"
#define UNLESS_YES(action)   UNLESS("SHA256:47D", "has_terminal: true", action)
#define UNLESS_NO(action)    UNLESS("SHA256:47D", "has_terminal: false", action)
#define UNLESS_MAYBE(action) UNLESS("SHA256:47D", "exe: /x", action)

static void unless_takes_a_rule_back(void **state) {
	static const struct row rows[] = {
		{"deny", UNLESS_NO("allow"), ACTION_ALLOW, "rule-1", NULL},
		{"deny", UNLESS_YES("allow"), ACTION_DENY, "default", NULL},
		{"deny", UNLESS_MAYBE("allow"), ACTION_DENY, "default", "exe"},
		{"allow", UNLESS_NO("deny"), ACTION_DENY, "rule-1", NULL},
		{"allow", UNLESS_YES("deny"), ACTION_ALLOW, "default", NULL},
		{"allow", UNLESS_MAYBE("deny"), ACTION_DENY, "rule-1", "exe"},
		{"allow", UNLESS_NO("confirm"), ACTION_CONFIRM, "rule-1", NULL},
		{"allow", UNLESS_YES("confirm"), ACTION_ALLOW, "default", NULL},
		{"allow", UNLESS_MAYBE("confirm"), ACTION_CONFIRM, "rule-1", "exe"},
		{"allow", UNLESS_MAYBE("confirm") "," YES "deny}", ACTION_DENY, "rule-2", NULL},
		/* All of its fields must hold. */
		{"deny", UNLESS("SHA256:47D", "has_terminal: true, operation: add", "allow"),
	         ACTION_ALLOW, "rule-1", NULL},
		{"deny", UNLESS("SHA256:47D", "has_terminal: true, exe: /x", "allow"), ACTION_DENY,
	         "default", "exe"},
		{"allow", UNLESS("SHA256:47D", "has_terminal: false, exe: /x", "deny"), ACTION_DENY,
	         "rule-1", NULL},
		/* And what does not fit need not be taken back. */
		{"allow", UNLESS("SHA256:abc", "exe: /x", "deny"), ACTION_ALLOW, "default", NULL},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void a_claim_takes_an_allow_back_and_a_deny_not(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	static const char allow[] = "default_action: deny\nrules:\n"
				    "- {match: {}, unless: {process_name: coder}, action: allow}\n";
	static const char deny[] = "default_action: allow\nrules:\n"
				   "- {match: {}, unless: {process_name: coder}, action: deny}\n";

	(void)state;
	assert_int_equal(decide(allow, &request).action, ACTION_ALLOW);
	caller.process.title = (char[]){"coder"};
	assert_int_equal(decide(allow, &request).action, ACTION_DENY);
	assert_string_equal(decide(allow, &request).missing, "process_name");
	assert_int_equal(decide(deny, &request).action, ACTION_DENY);
}

static void a_caller_that_may_have_been_another_program_has_no_executable(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char allow[256], deny[256];

	(void)state;
	snprintf(allow, sizeof(allow),
	         "default_action: deny\nrules:\n"
	         "- {match: {exe: %s, process_name: %s}, action: allow}\n",
	         caller.process.exe, caller.process.name);
	snprintf(deny, sizeof(deny),
	         "default_action: allow\nrules:\n- {match: {exe: /bin/other}, action: deny}\n");
	assert_int_equal(decide(allow, &request).action, ACTION_ALLOW);
	assert_int_equal(decide(deny, &request).action, ACTION_ALLOW);
	caller.integrity = INTEGRITY_FD_INHERITED;
	assert_int_equal(decide(allow, &request).action, ACTION_DENY);
	assert_non_null(decide(allow, &request).missing);
	assert_int_equal(decide(deny, &request).action, ACTION_DENY);
	caller.integrity = INTEGRITY_TRACED;
	assert_int_equal(decide(allow, &request).action, ACTION_ALLOW);
}

static void a_mark_fits_where_it_was_seen_and_may_where_it_was_not_looked_for(void **state) {
	static const char deny[] =
		"default_action: allow\nrules:\n"
		"- {match: {caller_integrity: [traced, preloaded]}, action: deny}\n";
	static const char allow[] = "default_action: deny\nrules:\n"
				    "- {match: {caller_integrity: traced}, action: allow}\n";
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	assert_int_equal(decide(deny, &request).action, ACTION_ALLOW);
	caller.integrity = INTEGRITY_DELETED_EXE;
	assert_int_equal(decide(deny, &request).action, ACTION_ALLOW);
	caller.integrity_unknown = INTEGRITY_TRACED;
	assert_int_equal(decide(deny, &request).action, ACTION_DENY);
	assert_string_equal(decide(deny, &request).missing, "caller_integrity");
	assert_int_equal(decide(allow, &request).action, ACTION_DENY);
	caller.integrity = INTEGRITY_TRACED;
	assert_int_equal(decide(deny, &request).action, ACTION_DENY);
	assert_int_equal(decide(allow, &request).action, ACTION_ALLOW);
}

static void rules_without_operation_speak_of_signatures_alone(void **state) {
	static const char text[] = "default_action: deny\n"
				   "default_change_action: confirm\n"
				   "rules:\n"
				   "- {match: {}, action: allow}\n";
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	for (int i = 0; i < OPERATION_COUNT; i++) {
		struct verdict verdict;

		request.operation = (enum operation)i;
		verdict = decide(text, &request);
		if (i == OPERATION_SIGN || i == OPERATION_LIST)
			assert_int_equal(verdict.action, ACTION_ALLOW);
		else
			assert_int_equal(verdict.action, ACTION_CONFIRM);
		assert_string_equal(verdict.rule, i == OPERATION_SIGN ? "rule-1" : "default");
	}
}

static void an_operation_in_unless_names_none(void **state) {
	static const char text[] = "default_action: deny\nrules:\n"
				   "- {match: {}, unless: {operation: add}, action: allow}\n";
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.operation = OPERATION_REMOVE;
	assert_int_equal(decide(text, &request).action, ACTION_DENY);
}

static void changes_are_denied_unless_the_policy_says_otherwise(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	for (int i = 0; i < OPERATION_COUNT; i++) {
		bool passes = i == OPERATION_SIGN || i == OPERATION_LIST;

		request.operation = (enum operation)i;
		assert_int_equal(decide("default_action: allow\n", &request).action,
		                 passes ? ACTION_ALLOW : ACTION_DENY);
	}
}

static void listing_can_be_denied_by_a_rule(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.operation = OPERATION_LIST;
	assert_int_equal(decide("default_action: deny\n", &request).action, ACTION_ALLOW);
	assert_int_equal(decide("default_action: allow\nrules:\n"
	                        "- {match: {operation: list}, action: deny}\n",
	                        &request)
	                         .action,
	                 ACTION_DENY);
}

static void an_unidentified_caller_is_allowed_by_a_rule_on_an_endpoint_alone(void **state) {
	static const char any[] = "default_action: allow\ndefault_change_action: allow\n"
				  "rules: [{match: {}, action: allow}]\n";
	static const char on_endpoint[] = "default_action: allow\n"
					  "rules: [{match: {endpoint: '*'}, action: allow}]\n";
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct verdict verdict;

	(void)state;
	assert_int_equal(decide(any, &request).action, ACTION_ALLOW);
	caller.state = CALLER_UNKNOWN;
	verdict = decide(any, &request);
	assert_int_equal(verdict.action, ACTION_DENY);
	assert_string_equal(verdict.rule, "default");
	assert_string_equal(verdict.missing, "caller");
	assert_int_equal(decide(on_endpoint, &request).action, ACTION_DENY);
	request.endpoint = "build";
	assert_int_equal(decide(any, &request).action, ACTION_DENY);
	assert_int_equal(decide(on_endpoint, &request).action, ACTION_ALLOW);
	request.operation = OPERATION_ADD;
	assert_int_equal(decide(any, &request).action, ACTION_DENY);
	request.operation = OPERATION_LIST;
	assert_int_equal(decide(any, &request).action, ACTION_ALLOW);
}

static void a_pattern_at_its_limit_denies_whatever_its_rule_says(void **state) {
	static const char *const actions[] = {"allow", "deny", "confirm"};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char name[2049];

	(void)state;
	memset(name, 'a', 2047);
	memcpy(name + 2047, "!", 2);
	for (int where = 0; where < 3; where++)
		for (int i = 0; i < 3; i++) {
			char text[256];
			struct verdict verdict;

			snprintf(text, sizeof(text),
			         "default_action: allow\nrules:\n- name: slow\n"
			         "  match: {%s}\n%s  action: %s\n",
			         where == 2 ? "" : "process_name: '~(a+)+$'",
			         where == 2 ? "  unless: {process_name: '~(a+)+$'}\n" : "",
			         actions[i]);
			caller = known_caller();
			caller.process.title = name; /* a claim is enough */
			if (where != 1)
				caller.process.name = name;
			verdict = decide(text, &request);
			assert_int_equal(verdict.action, ACTION_DENY);
			assert_string_equal(verdict.rule, "slow");
			assert_string_equal(verdict.missing, "pattern-limit");
		}
}

static void without_a_policy_signatures_ask_and_changes_are_denied(void **state) {
	CLEANUP(free_policy) struct policy *policy = NULL;
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct verdict verdict;

	(void)state;
	assert_int_equal(policy_new_default(&policy), 0);
	verdict = policy_decide(policy, &request);
	assert_int_equal(verdict.action, ACTION_CONFIRM);
	assert_string_equal(verdict.rule, "default");
	request.operation = OPERATION_ADD;
	assert_int_equal(policy_decide(policy, &request).action, ACTION_DENY);
	request.operation = OPERATION_LIST;
	assert_int_equal(policy_decide(policy, &request).action, ACTION_ALLOW);
	assert_string_equal(policy_sha256(policy), "");
	assert_string_equal(policy_path(policy), "");
	assert_int_equal(policy_rule_count(policy), 0);
	assert_int_equal(policy_log(policy).on_error, ON_LOG_ERROR_DENY);
}

static void a_policy_lives_as_long_as_somebody_holds_it(void **state) {
	struct policy *policy = must_parse("default_action: deny\n");
	struct policy *held = policy_ref(policy);

	(void)state;
	policy_unref(policy);
	assert_string_equal(policy_path(held), "test.yaml");
	policy_unref(held);
	policy_unref(NULL);
}

/* Every program of this account can have one of these. */
static void an_endpoint_of_exec_allows_nothing_by_itself(void **state) {
	static const char by_name[] = "default_action: deny\n"
				      "rules: [{match: {endpoint: 'exec:*'}, action: allow}]\n";
	static const char by_all[] = "default_action: deny\n"
				     "rules: [{match: {endpoint: '*'}, action: allow}]\n";
	static const char by_exe[] = "default_action: deny\nrules:\n"
				     "- {match: {endpoint: 'exec:*', exe: '/usr/bin/*'}, action: allow}\n";
	static const char by_key[] = "default_action: deny\nrules:\n"
				     "- {match: {endpoint: 'exec:*', key: 'SHA256:*'}, action: allow}\n";
	static const char asks[] = "default_action: deny\n"
				   "rules: [{match: {endpoint: 'exec:*'}, action: confirm}]\n";
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.endpoint = "exec:tool";
	for (int i = 0; i < 2; i++) {
		assert_int_equal(decide(by_name, &request).action, ACTION_DENY);
		assert_int_equal(decide(by_all, &request).action, ACTION_DENY);
		assert_int_equal(decide(by_exe, &request).action, ACTION_DENY);
		assert_int_equal(decide(by_key, &request).action, ACTION_ALLOW);
		assert_int_equal(decide(asks, &request).action, ACTION_CONFIRM);
		caller.state = CALLER_UNKNOWN;
	}
	assert_string_equal(decide(by_name, &request).missing, "caller");
	caller.state = CALLER_IDENTIFIED;
	assert_string_equal(decide(by_name, &request).missing, "proof");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_fits_wins),
		cmocka_unit_test(only_a_certain_match_allows_and_a_possible_one_denies),
		cmocka_unit_test(an_uncertain_confirm_keeps_searching_for_a_deny),
		cmocka_unit_test(unless_takes_a_rule_back),
		cmocka_unit_test(a_claim_takes_an_allow_back_and_a_deny_not),
		cmocka_unit_test(rules_without_operation_speak_of_signatures_alone),
		cmocka_unit_test(an_operation_in_unless_names_none),
		cmocka_unit_test(changes_are_denied_unless_the_policy_says_otherwise),
		cmocka_unit_test(listing_can_be_denied_by_a_rule),
		cmocka_unit_test(an_unidentified_caller_is_allowed_by_a_rule_on_an_endpoint_alone),
		cmocka_unit_test(an_endpoint_of_exec_allows_nothing_by_itself),
		cmocka_unit_test(a_pattern_at_its_limit_denies_whatever_its_rule_says),
		cmocka_unit_test(without_a_policy_signatures_ask_and_changes_are_denied),
		cmocka_unit_test(a_caller_that_may_have_been_another_program_has_no_executable),
		cmocka_unit_test(a_mark_fits_where_it_was_seen_and_may_where_it_was_not_looked_for),
		cmocka_unit_test(a_policy_lives_as_long_as_somebody_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
