/* Files of tests: what they may hold, and what passes and what does not. */
#include "../policy/fixture.h"

#include <errno.h>

#include "describe/suite.h"

#define POLICY                     \
	"policy_text: |\n"         \
	"  default_action: deny\n" \
	"  rules: [{name: ours, match: {process_name: ssh}, action: allow}]\n"
#define BAD       "policy_text: 'default_action: perhaps'\n"
#define ONE(rest) "tests:\n- name: one\n" rest

struct seen {
	size_t count, n_passed, n_mismatches;
	bool has_policy, has_request;
	enum action action;
	char rule[64], what[64], expected[64], found[256];
};

static void free_suite(struct suite **suite) {
	suite_free(*suite);
}

/* What was seen of the last test is kept. */
static void see(void *data, const struct outcome_of_test *outcome) {
	struct seen *seen = data;

	seen->count++;
	seen->n_passed += outcome->passed;
	seen->has_policy = outcome->policy != NULL;
	seen->has_request = outcome->request != NULL;
	seen->n_mismatches = outcome->n_mismatches;
	assert_int_equal(outcome->passed, outcome->n_mismatches == 0);
	if (outcome->policy != NULL && outcome->request != NULL) {
		seen->action = outcome->verdict.action;
		snprintf(seen->rule, sizeof(seen->rule), "%s", outcome->verdict.rule);
	}
	if (outcome->n_mismatches > 0) {
		const struct mismatch *first = &outcome->mismatches[0];

		snprintf(seen->what, sizeof(seen->what), "%s", first->what);
		snprintf(seen->expected, sizeof(seen->expected), "%s", first->expected);
		snprintf(seen->found, sizeof(seen->found), "%s", first->found);
	}
}

static struct seen run_with(const char *text, const char *policy_text) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_suite) struct suite *suite = NULL;
	struct seen seen = {0};
	int error = suite_parse(&suite, bytes_of_text(text), "t", NULL, &problems);

	print_problems(&problems);
	assert_int_equal(error, 0);
	assert_int_equal(suite_run(suite, bytes_of_text(policy_text), "p.yaml", see, &seen), 0);
	return seen;
}

static struct seen run(const char *text) {
	return run_with(text, "");
}

static void a_verdict_as_expected_passes(void **state) {
	struct seen seen = run(POLICY ONE("  request: {process_name: ssh}\n"
	                                  "  expect: {action: allow, rule: ours}\n"));

	(void)state;
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.n_passed, 1);
	assert_int_equal(seen.action, ACTION_ALLOW);
	assert_string_equal(seen.rule, "ours");
}

static void any_other_verdict_fails_and_is_told(void **state) {
	struct seen seen = run(POLICY ONE("  request: {process_name: ssh}\n"
	                                  "  expect: {action: confirm, rule: ours}\n"));

	(void)state;
	assert_int_equal(seen.n_passed, 0);
	assert_int_equal(seen.n_mismatches, 1);
	assert_string_equal(seen.what, "action");
	assert_string_equal(seen.expected, "confirm");
	assert_string_equal(seen.found, "allow");
	seen = run(POLICY ONE("  request: {}\n  expect: {action: allow, rule: ours}\n"));
	assert_int_equal(seen.n_mismatches, 2);
}

static void any_fact_can_be_expected(void **state) {
	static const char passes[] = POLICY ONE(
		"  request: {exe: /usr/bin/ssh, has_terminal: yes, unknown: [key],\n"
		"            ancestors: [{name: git}]}\n"
		"  expect: {process_name: ssh, parent_process_name: git, key: unknown,\n"
		"           has_terminal: true, command: '', endpoint: default}\n");
	struct seen seen;

	(void)state;
	assert_int_equal(run(passes).n_passed, 1);
	assert_int_equal(run(POLICY ONE("  request: {ssh_user: git, hops: 2, dest_key: SHA256:a,\n"
	                                "            caller_integrity: [traced, fd-passed]}\n"
	                                "  expect: {ssh_user: git, hops: 2, dest_key: SHA256:a,\n"
	                                "           dest_evidence: verified, is_forwarded: yes,\n"
	                                "           caller_integrity: 'traced, fd-passed',\n"
	                                "           sign_type: ssh-login, namespace: ''}\n"))
	                         .n_passed,
	                 1);
	/* What nobody stated is not there. */
	assert_int_equal(
		run(POLICY ONE("  request: {}\n"
	                       "  expect: {key: '', key_type: '', dest_key: '', exe: ''}\n"))
			.n_passed,
		1);
	seen = run(POLICY ONE("  request: {}\n  expect: {parent_process_name: git}\n"));
	assert_int_equal(seen.n_passed, 0);
	assert_string_equal(seen.what, "parent_process_name");
	assert_string_equal(seen.found, "");
	seen = run(POLICY ONE("  request: {unknown: exe}\n  expect: {missing_fact: exe}\n"));
	assert_int_equal(seen.n_passed, 0); /* the rule is on process_name */
	assert_string_equal(seen.found, "process_name");
	assert_int_equal(run(POLICY ONE("  request: {}\n  expect: {missing_fact: ''}\n")).n_passed,
	                 1);
}

static void a_policy_that_must_not_load_is_tested_by_its_message(void **state) {
	struct seen seen = run(ONE("  " BAD "  expect: {load_error: perhaps}\n"));

	(void)state;
	assert_int_equal(seen.n_passed, 1);
	assert_false(seen.has_policy);
	assert_false(seen.has_request);
	assert_int_equal(run(ONE("  " BAD "  expect: {load_error: ':1:17:'}\n")).n_passed, 1);
	seen = run(ONE("  " BAD "  expect: {load_error: something else}\n"));
	assert_int_equal(seen.n_passed, 0);
	assert_string_equal(seen.what, "load_error");
	assert_non_null(strstr(seen.found, "perhaps"));
}

static void a_policy_that_loads_fails_a_test_for_its_error(void **state) {
	struct seen seen = run(POLICY ONE("  expect: {load_error: perhaps}\n"));

	(void)state;
	assert_int_equal(seen.n_passed, 0);
	assert_true(seen.has_policy);
	assert_string_equal(seen.what, "load_error");
	assert_string_equal(seen.found, "");
}

static void every_test_of_a_policy_that_does_not_load_fails(void **state) {
	struct seen seen = run(BAD "tests:\n"
	                           "- {name: a, request: {}, expect: {action: deny}}\n"
	                           "- {name: b, request: {}, expect: {rule: default}}\n");

	(void)state;
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.n_passed, 0);
	assert_false(seen.has_policy);
	assert_string_equal(seen.expected, "");
	assert_non_null(strstr(seen.found, "policy_text:1:17: "));
}

static void a_test_may_have_a_policy_of_its_own(void **state) {
	struct seen seen = run(POLICY
	                       "tests:\n"
	                       "- {name: a, policy_text: 'default_action: confirm',\n"
	                       "   request: {process_name: ssh}, expect: {action: confirm}}\n"
	                       "- {name: b, request: {process_name: ssh},\n"
	                       "   expect: {action: allow}}\n");

	(void)state;
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.n_passed, 2);
}

static void the_policy_may_be_a_file(void **state) {
	static const char text[] = "policy: p.yaml\n" ONE(
		"  request: {}\n  expect: {action: confirm}\n");
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_suite) struct suite *suite = NULL;

	(void)state;
	assert_int_equal(suite_parse(&suite, bytes_of_text(text), "t", NULL, &problems), 0);
	assert_string_equal(suite_policy_path(suite), "p.yaml");
	assert_int_equal(run_with(text, "default_action: confirm\n").n_passed, 1);
	assert_int_equal(run_with(text, "default_action: deny\n").n_passed, 0);
	assert_non_null(strstr(run_with(text, "default_action: x\n").found, "p.yaml:1:17: "));
}

static void what_is_wrong_with_a_file_is_named_with_its_place(void **state) {
	static const struct {
		const char *text, *message;
		size_t line, column;
	} rows[] = {
		{"", "the file is empty", 0, 0},
		{"tests: [", "not valid YAML", 2, 1},
		{"- a", "the file of tests: a list", 1, 1},
		{POLICY, "tests: missing", 1, 1},
		{POLICY "tests: []", "tests: not a list of tests", 4, 8},
		{POLICY "tests: a", "tests: not a list of tests", 4, 8},
		{POLICY "tests: [a]", "a test: one value", 4, 9},
		{POLICY "polcy: a\ntests: [{name: a, request: {}, expect: {rule: a}}]",
	         "polcy: unknown field; did you mean policy?", 4, 1},
		{"policy: a\n" POLICY ONE("  request: {}\n  expect: {rule: a}\n"),
	         "policy_text: stands beside policy", 2, 14},
		{ONE("  request: {}\n  expect: {rule: a}\n"), "policy: missing", 2, 3},
		{POLICY "tests:\n- request: {}\n  expect: {rule: a}\n", "name: missing", 5, 3},
		{POLICY ONE("  expect: {rule: a}\n"), "request: missing", 5, 3},
		{POLICY ONE("  request: {}\n"), "expect: missing", 5, 3},
		{POLICY ONE("  request: {}\n  expect: {}\n"), "expect: empty", 7, 11},
		{POLICY ONE("  request: {}\n  expect: deny\n"), "expect: one value", 7, 11},
		{POLICY ONE("  request: {}\n  expect: {action: alow}\n"),
	         "action: alow: unknown value; did you mean allow?", 7, 20},
		{POLICY ONE("  request: {}\n  expect: {key_coment: a}\n"),
	         "key_coment: unknown field", 7, 12},
		{POLICY ONE("  request: {}\n  expect: {rule: [a]}\n"), "rule: a list", 7, 18},
		{POLICY ONE("  request: {}\n  expect: {rule: }\n"), "rule: empty", 7, 18},
		{POLICY ONE("  request: {dest_name: a}\n  expect: {rule: a}\n"),
	         "dest_name: unknown field", 6, 13},
		{POLICY ONE("  expect: {load_error: a, action: deny}\n"),
	         "load_error: nothing else can be expected", 6, 11},
		{POLICY ONE("  request: {}\n  expct: {rule: a}\n  expect: {rule: a}\n"),
	         "expct: unknown field; did you mean expect?", 7, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		struct suite *suite = NULL;
		int error = suite_parse(&suite, bytes_of_text(rows[i].text), "t", NULL, &problems);

		if (problems.count != 1 ||
		    strstr(problems.items[0].text, rows[i].message) == NULL) {
			print_message("# in: %s\n", rows[i].text);
			print_problems(&problems);
		}
		assert_int_equal(error, -EINVAL);
		assert_null(suite);
		assert_int_equal(problems.count, 1);
		assert_non_null(strstr(problems.items[0].text, rows[i].message));
		assert_string_equal(problems.items[0].file, "t");
		assert_int_equal(problems.items[0].line, rows[i].line);
		assert_int_equal(problems.items[0].column, rows[i].column);
	}
}

static void all_that_is_wrong_is_told_at_once(void **state) {
	static const char text[] = POLICY "tests:\n"
					  "- {name: a, request: {a: b}, expect: {action: x}}\n"
					  "- {nam: b, request: {}, expect: {c: d}}\n";
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct suite *suite = NULL;

	(void)state;
	assert_int_equal(suite_parse(&suite, bytes_of_text(text), "t", NULL, &problems), -EINVAL);
	assert_int_equal(problems.count, 5);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verdict_as_expected_passes),
		cmocka_unit_test(any_other_verdict_fails_and_is_told),
		cmocka_unit_test(any_fact_can_be_expected),
		cmocka_unit_test(a_policy_that_must_not_load_is_tested_by_its_message),
		cmocka_unit_test(a_policy_that_loads_fails_a_test_for_its_error),
		cmocka_unit_test(every_test_of_a_policy_that_does_not_load_fails),
		cmocka_unit_test(a_test_may_have_a_policy_of_its_own),
		cmocka_unit_test(the_policy_may_be_a_file),
		cmocka_unit_test(what_is_wrong_with_a_file_is_named_with_its_place),
		cmocka_unit_test(all_that_is_wrong_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
