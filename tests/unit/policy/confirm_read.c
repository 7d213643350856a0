/* What a policy says of asking a person. */
#include "fixture.h"

#include <errno.h>

#include "policy/lint.h"

static void without_a_word_a_person_is_asked_for_the_pin(void **state) {
	CLEANUP(free_policy) struct policy *policy = must_parse("default_action: confirm\n");
	const struct confirm_settings *settings = policy_confirm(policy);
	struct confirm_terms terms = policy_confirm_terms(policy, "default");

	(void)state;
	assert_int_equal(settings->methods, CONFIRM_PIN);
	assert_int_equal(settings->timeout_s, CONFIRM_TIMEOUT_S);
	assert_int_equal(settings->max_pending, 3);
	assert_int_equal(settings->pause_s, CONFIRM_PAUSE_S);
	assert_int_equal(terms.methods, 0);
	assert_int_equal(terms.remember_s, 0);
}

static void a_rule_has_terms_of_its_own(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse(
		"default_action: deny\n"
		"rules:\n"
		"- {name: a, match: {key: SHA256:a}, action: confirm,\n"
		"   confirm: {remember: 10m}}\n"
		"- {name: b, match: {key: SHA256:b}, action: confirm,\n"
		"   confirm: {method: askpass, remember: 45s, scope: session}}\n");
	struct confirm_terms a = policy_confirm_terms(policy, "a");
	struct confirm_terms b = policy_confirm_terms(policy, "b");

	(void)state;
	assert_int_equal(a.remember_s, 600);
	assert_int_equal(a.scope, SCOPE_EXE | SCOPE_ANCESTOR);
	assert_int_equal(a.methods, 0);
	assert_int_equal(b.remember_s, 45);
	assert_int_equal(b.scope, SCOPE_SESSION);
	assert_int_equal(b.methods, CONFIRM_ASKPASS);
}

static void mistakes_are_named_with_their_place(void **state) {
	static const struct {
		const char *text, *part;
		size_t line, column;
	} mistakes[] = {
		{"confirm: 7\n", "not a map", 2, 10},
		{"confirm: {method: pin}\n", "methods", 2, 11},
		{"confirm: {methods: []}\n", "empty list", 2, 20},
		{"confirm: {methods: [pn]}\n", "unknown value", 2, 21},
		{"confirm: {timeout: 10}\n", "10m or 2h", 2, 20},
		{"confirm: {timeout: -1s}\n", "not a time", 2, 20},
		{"confirm: {timeout: 0s}\n", "not a time", 2, 20},
		{"confirm: {timeout: 25h}\n", "not a time", 2, 20},
		{"confirm: {timeout: 99999999999999999999h}\n", "not a time", 2, 20},
		{"confirm: {timeout: [1s]}\n", "not one value", 2, 20},
		{"confirm: {max_pending: 17}\n", "from 1 to 16", 2, 24},
		{"confirm: {max_pending: x}\n", "from 1 to 16", 2, 24},
		{"rules: [{match: {}, action: confirm, confirm: {scope: exe}}]\n", "remember", 2,
	         47},
		{"rules: [{match: {}, action: confirm, confirm: {remember: 1m, scope: all}}]\n",
	         "unknown value", 2, 69},
		{"rules: [{match: {}, action: allow, confirm: {remember: 1m}}]\n",
	         "only where action: confirm", 2, 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		struct policy *policy = NULL;
		char text[256];

		snprintf(text, sizeof(text), "default_action: deny\n%s", mistakes[i].text);
		assert_int_equal(
			policy_parse(&policy, bytes_of_text(text), "test.yaml", NULL, &problems),
			-EINVAL);
		print_problems(&problems);
		assert_int_equal(problems.count, 1);
		assert_non_null(strstr(problems.items[0].text, mistakes[i].part));
		assert_int_equal(problems.items[0].line, mistakes[i].line);
		assert_int_equal(problems.items[0].column, mistakes[i].column);
	}
}

static void weak_methods_are_told_where_they_are_chosen(void **state) {
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{"default_action: confirm\n", 0},
		{"default_action: confirm\nconfirm: {methods: pin}\n", 1},
		{"default_action: confirm\nconfirm: {methods: [pin, askpass]}\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(problems_deinit) struct problems findings = {0};
		CLEANUP(free_policy) struct policy *policy = must_parse(cases[i].text);

		policy_lint(policy, &findings);
		assert_int_equal(findings.count, cases[i].n);
		for (size_t j = 0; j < findings.count; j++)
			assert_non_null(strstr(findings.items[j].text, "weak"));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_a_person_is_asked_for_the_pin),
		cmocka_unit_test(a_rule_has_terms_of_its_own),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(weak_methods_are_told_where_they_are_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
