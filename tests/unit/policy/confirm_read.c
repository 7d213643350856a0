/* What a policy says of asking a person. */
#include "fixture.h"

#include <errno.h>

#include "policy/lint.h"

#define POINT_A "0123456789abcdef0123456789abcdef"

static void without_a_word_a_person_is_asked_for_the_pin(void **state) {
	CLEANUP(free_policy) struct policy *policy = must_parse("default_action: confirm\n");
	const struct confirm_settings *settings = policy_confirm(policy);
	struct confirm_terms terms = policy_confirm_terms(policy, "default");

	(void)state;
	assert_int_equal(settings->methods, CONFIRM_TOUCH | CONFIRM_PIN);
	assert_int_equal(settings->timeout_s, CONFIRM_TIMEOUT_S);
	assert_int_equal(settings->max_pending, 3);
	assert_int_equal(settings->pause_s, CONFIRM_PAUSE_S);
	assert_int_equal(terms.methods, 0);
	assert_int_equal(terms.remember_s, 0);
}

static void a_popup_opens_only_where_it_is_asked_for(void **state) {
	CLEANUP(free_policy) struct policy *silent = must_parse("default_action: confirm\n");
	CLEANUP(free_policy)
	struct policy *yes = must_parse("default_action: confirm\nconfirm: {tmux_popup: true}\n");
	CLEANUP(free_policy)
	struct policy *no = must_parse("default_action: confirm\nconfirm: {tmux_popup: false}\n");

	(void)state;
	assert_int_equal(policy_confirm(silent)->tmux_popup, 0);
	assert_int_equal(policy_confirm(yes)->tmux_popup, 1);
	assert_int_equal(policy_confirm(no)->tmux_popup, 0);
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

static void what_the_older_one_was_told_is_understood(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse("version: 0\n"
	                                   "confirm:\n"
	                                   "  touch: {challenge: \"beef\", slot: \"1\", "
	                                   "timeout: \"20s\"}\n"
	                                   "  pin: {slot: 2, timeout: 1m30s}\n"
	                                   "  max_pending: 40\n");
	CLEANUP(free_policy)
	struct policy *empty = must_parse("version: 0\nconfirm:\nrules:\npath:\n");

	(void)state;
	assert_int_equal(policy_confirm(policy)->timeout_s, 90);
	assert_string_equal(policy_confirm(policy)->older.challenge, "beef");
	assert_int_equal(policy_confirm(policy)->older.touch_slot, 1);
	assert_int_equal(policy_confirm(policy)->older.pin_slot, 2);
	assert_string_equal(policy_confirm(empty)->older.challenge, "deadbeef");
	assert_int_equal(policy_confirm(empty)->older.touch_slot, 2);
	assert_int_equal(policy_confirm(empty)->older.pin_slot, 1);
	assert_int_equal(policy_confirm(empty)->methods,
	                 CONFIRM_TOUCH | CONFIRM_PIN | CONFIRM_OTP | CONFIRM_OTP_PIN);
	assert_int_equal(policy_confirm(policy)->max_pending, 16);
	assert_int_equal(policy_confirm(empty)->timeout_s, CONFIRM_TIMEOUT_S);
}

static void mistakes_in_what_the_older_one_was_told_are_named(void **state) {
	static const char *const texts[][2] = {
		{"default_action: deny\nconfirm: {touch: {slot: 2}}\n",
	         "only in files of version 0"},
		{"default_action: deny\nconfirm: {pin: {slot: 2}}\n", "only in files of version 0"},
		{"version: 0\nconfirm: {touch: {slott: 2}}\n", "did you mean slot?"},
		{"version: 0\nconfirm: {pin: {timeout: 20}}\n", "text is meant"},
		{"version: 0\nconfirm: {pin: {timeout: 20x}}\n", "such as 20s or 1m30s"},
		{"version: 0\nconfirm: {pin: {timeout: 0s}}\n", "such as 20s or 1m30s"},
		{"version: 0\nconfirm: {pin: {timeout: 25h}}\n", "such as 20s or 1m30s"},
		{"version: 0\nconfirm: {pin: {slot: [1]}}\n", "not one value"},
		{"version: 0\nconfirm: {pin: {slot: 3}}\n", "slot: 3: not 1 or 2"},
		{"version: 0\nconfirm: {touch: {slot: 12}}\n", "slot: 12: not 1 or 2"},
		{"version: 0\nconfirm: {touch: {challenge: ''}}\n", "not a text of 1 to 64"},
		{"version: 0\nconfirm: {pin: {challenge: a}}\n", "unknown field"},
		{"version: 0\nconfirm: {pin: 1}\n", "where a map of fields stands"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		struct policy *policy = NULL;

		assert_int_equal(policy_parse(&policy, bytes_of_text(texts[i][0]), "test.yaml",
		                              NULL, &problems),
		                 -EINVAL);
		if (strstr(problems.items[0].text, texts[i][1]) == NULL)
			print_problems(&problems);
		assert_non_null(strstr(problems.items[0].text, texts[i][1]));
	}
}

static void a_touch_is_asked_for_in_one_word_or_with_the_pin(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse(
		"default_action: deny\n"
		"rules:\n"
		"- {name: a, match: {key: SHA256:a}, action: confirm, confirm: touch}\n"
		"- {name: b, match: {key: SHA256:b}, action: confirm, confirm: [touch, pin]}\n"
		"- {name: c, match: {key: SHA256:c}, action: confirm,\n"
		"   confirm: {method: touch, pin: true}}\n");
	struct confirm_terms a = policy_confirm_terms(policy, "a");
	struct confirm_terms b = policy_confirm_terms(policy, "b");
	struct confirm_terms c = policy_confirm_terms(policy, "c");

	(void)state;
	assert_int_equal(a.methods, CONFIRM_TOUCH);
	assert_int_equal(a.pin, 0);
	assert_int_equal(b.methods, CONFIRM_TOUCH | CONFIRM_PIN);
	assert_int_equal(c.methods, CONFIRM_TOUCH);
	assert_int_equal(c.pin, 1);
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
		{"rules: [{match: {}, action: confirm, confirm: tuch}]\n", "unknown value", 2, 47},
		{"rules: [{match: {}, action: confirm, confirm: {pin: maybe}}]\n", "pin", 2, 53},
		{"confirm: {timeout: 10}\n", "10m or 2h", 2, 20},
		{"confirm: {timeout: -1s}\n", "not a time", 2, 20},
		{"confirm: {timeout: 0s}\n", "not a time", 2, 20},
		{"confirm: {timeout: 25h}\n", "not a time", 2, 20},
		{"confirm: {timeout: 99999999999999999999h}\n", "not a time", 2, 20},
		{"confirm: {timeout: [1s]}\n", "not one value", 2, 20},
		{"confirm: {screen_state: /bin/x}\n", "not a list of a program", 2, 25},
		{"confirm: {screen_state: []}\n", "not a list of a program", 2, 25},
		{"confirm: {screen_state: [x]}\n", "not an absolute path", 2, 26},
		{"confirm: {screen_state: [/bin/x, [y]]}\n", "not one value", 2, 34},
		{"confirm: {tmux_popup: 1}\n", "write true or false", 2, 23},
		{"confirm: {tmux_popup: [true]}\n", "tmux_popup", 2, 23},
		{"confirm: {max_pending: 17}\n", "from 1 to 16", 2, 24},
		{"confirm: {max_pending: x}\n", "from 1 to 16", 2, 24},
		{"rules: [{match: {}, action: confirm, confirm: {scope: exe}}]\n", "remember", 2,
	         47},
		{"rules: [{match: {}, action: confirm, confirm: {remember: 1m, scope: all}}]\n",
	         "unknown value", 2, 69},
		{"confirm: {credentials: [" POINT_A "]}\n", "only in the system floor", 2, 11},
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

		policy_lint(policy, &findings, &findings);
		assert_int_equal(findings.count, cases[i].n);
		for (size_t j = 0; j < findings.count; j++)
			assert_non_null(strstr(findings.items[j].text, "weak"));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_a_person_is_asked_for_the_pin),
		cmocka_unit_test(a_popup_opens_only_where_it_is_asked_for),
		cmocka_unit_test(a_rule_has_terms_of_its_own),
		cmocka_unit_test(what_the_older_one_was_told_is_understood),
		cmocka_unit_test(mistakes_in_what_the_older_one_was_told_are_named),
		cmocka_unit_test(a_touch_is_asked_for_in_one_word_or_with_the_pin),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(weak_methods_are_told_where_they_are_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
