/* What changes between two policies is shown whole, and what stays is not. */
#include "unit.h"

#include "fixture.h"

#include <errno.h>

#include "policy/diff.h"

static char *diff(const char *from, const char *to) {
	CLEANUP(free_policy) struct policy *before = must_parse(from);
	CLEANUP(free_policy) struct policy *after = must_parse(to);
	CLEANUP(buffer_deinit) struct buffer text = {0};

	assert_int_equal(policy_diff(&text, before, after), 0);
	buffer_put_u8(&text, 0);
	return strdup((const char *)text.data);
}

static void assert_diff(const char *from, const char *to, const char *expected) {
	CLEANUP(free_pointer) char *text = diff(from, to);

	assert_string_equal(text, expected);
}

#define DENY "default_action: deny\nrules:\n"
#define A    "- {name: a, match: {exe: /a}, action: allow}\n"
#define B    "- {name: b, match: {exe: /b}, action: allow}\n"
#define C    "- {name: c, match: {exe: /c}, action: allow}\n"

static void what_means_the_same_is_no_change(void **state) {
	(void)state;
	assert_diff(DENY A B, "# a comment\n" DENY A B, "");
	assert_diff(DENY A,
	            "default_action: deny\ndefine: {x: /a}\nrules:\n"
	            "- {name: a, match: {exe: $x}, action: allow}\n",
	            "");
}

static void a_rule_comes_whole_and_beside_what_stays(void **state) {
	(void)state;
	assert_diff(DENY A C, DENY A B C,
	            "    - name: \"a\"\n"
	            "+   - name: \"b\"\n"
	            "+     match:\n"
	            "+       exe:\n"
	            "+         - \"/b\"\n"
	            "+       operation: [sign]\n"
	            "+       # sign_type: [ssh-login, sshsig]\n"
	            "+     action: allow\n"
	            "    - name: \"c\"\n");
}

static void a_rule_that_changes_goes_and_comes(void **state) {
	CLEANUP(free_pointer)
	char *text = diff(DENY A B, DENY A "- {name: b, match: {exe: /b}, action: deny}\n");

	(void)state;
	assert_non_null(strstr(text, "-     action: allow\n"));
	assert_non_null(strstr(text, "+     action: deny\n"));
	assert_null(strstr(text, "/a"));
}

static void every_setting_shows(void **state) {
	static const char *const settings[] = {
		"lock: true\n",
		"require_proof: true\n",
		"hide_denied_keys: false\n",
		"upstream: /run/a.sock\n",
		"log: {on_error: allow}\n",
		"log: {keep: 7d}\n",
		"log: {sync: always}\n",
		"confirm: {timeout: 10s}\n",
		"confirm: {methods: [pin, askpass]}\n",
		"endpoints: {box: {path: /run/box.sock}}\n",
		"capture_extra_env_vars: [EDITOR]\n",
		"coding_agents: {own: {ancestors: [x]}}\n",
		"default_change_action: confirm\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		char with[512];
		CLEANUP(free_pointer) char *come = NULL;
		CLEANUP(free_pointer) char *gone = NULL;

		snprintf(with, sizeof(with), "%s" DENY A, settings[i]);
		come = diff(DENY A, with);
		gone = diff(with, DENY A);
		if (strstr(come, "+ ") == NULL || strstr(gone, "- ") == NULL)
			fail_msg("not shown: %s", settings[i]);
	}
}

static void an_unnamed_rule_is_the_same_at_another_place(void **state) {
	CLEANUP(free_pointer)
	char *text = diff(
		DENY "- {match: {exe: /x}, action: allow}\n- {match: {exe: /y}, action: allow}\n",
		DENY A
		"- {match: {exe: /x}, action: allow}\n- {match: {exe: /y}, action: allow}\n");

	(void)state;
	assert_non_null(strstr(text, "+   - name: \"a\"\n"));
	assert_null(strstr(text, "- "
	                         "  - #"));
	assert_null(strstr(text, "/x"));
	assert_null(strstr(text, "/y"));
}

static void a_rule_that_moves_is_seen(void **state) {
	CLEANUP(free_pointer) char *text = diff(DENY A B, DENY B A);

	(void)state;
	assert_non_null(strstr(text, "- "));
	assert_non_null(strstr(text, "+ "));
}

static void too_much_to_look_through_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	CLEANUP(free_policy) struct policy *before = must_parse(DENY A);
	CLEANUP(free_policy) struct policy *after = NULL;

	(void)state;
	buffer_put_raw(&yaml, bytes_of_text(DENY));
	for (int i = 0; i < 1200; i++) {
		char line[64];

		snprintf(line, sizeof(line), "- {match: {exe: /x%d}, action: allow}\n", i);
		buffer_put_raw(&yaml, bytes_of_text(line));
	}
	buffer_put_u8(&yaml, 0);
	after = must_parse((const char *)yaml.data);
	assert_int_equal(policy_diff(&text, before, after), -E2BIG);
}

/* Applied to the old one, the changes give the new one: nothing is left out. */
static void whatever_changes_is_told(void **state) {
	static const char *const rules[] = {A, B, C, "- {match: {exe: /x}, action: deny}\n",
	                                    "- {match: {exe: /y}, action: allow}\n"};
	uint64_t dice = 1;

	(void)state;
	for (int round = 0; round < 500; round++) {
		char texts[2][1024];
		size_t counts[2][5] = {{0}}, differ = 0;
		CLEANUP(free_pointer) char *text = NULL;

		for (int side = 0; side < 2; side++) {
			strcpy(texts[side], DENY);
			for (size_t i = 0; i < 5; i++) {
				dice = dice * UINT64_C(6364136223846793005) + 1;
				if ((dice >> 40) % 2 == 0)
					continue;
				counts[side][i] = 1;
				strcat(texts[side], rules[i]);
			}
			if (strcmp(texts[side], DENY) == 0)
				strcpy(texts[side], "default_action: deny\nrules: []\n");
		}
		for (size_t i = 0; i < 5; i++)
			differ += counts[0][i] != counts[1][i];
		text = diff(texts[0], texts[1]);
		assert_true((*text == '\0') == (differ == 0));
		for (size_t i = 0; i < 5; i++) {
			static const char *const marks[] = {"/a\"", "/b\"", "/c\"", "/x\"", "/y\""};
			bool told = strstr(text, marks[i]) != NULL;

			assert_int_equal(told, counts[0][i] != counts[1][i]);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_means_the_same_is_no_change),
		cmocka_unit_test(a_rule_comes_whole_and_beside_what_stays),
		cmocka_unit_test(a_rule_that_changes_goes_and_comes),
		cmocka_unit_test(every_setting_shows),
		cmocka_unit_test(an_unnamed_rule_is_the_same_at_another_place),
		cmocka_unit_test(a_rule_that_moves_is_seen),
		cmocka_unit_test(too_much_to_look_through_is_refused),
		cmocka_unit_test(whatever_changes_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
