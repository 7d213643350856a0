/* The stricter of the floor and the user's policy holds, and what a floor says nothing of is free.
 */
#include "policy/floor.h"

#include <errno.h>
#include <string.h>

#include "policy/show.h"
#include "unit.h"

static struct policy *parse(const char *text, bool is_floor) {
	struct surroundings surroundings = {.is_floor = is_floor};
	struct problems problems = {0};
	struct policy *policy = NULL;

	assert_int_equal(
		policy_parse(&policy, bytes_of_text(text), "p.yaml", &surroundings, &problems), 0);
	problems_deinit(&problems);
	return policy;
}

static struct verdict decide(const char *floor_text, const char *text, enum operation operation,
                             enum caller_state state) {
	struct caller caller = {.state = state, .uid = 1000, .process = {.pid = 1}};
	struct request request = {
		.operation = operation,
		.caller = &caller,
		.endpoint = "default",
		.payload = operation == OPERATION_SIGN
	                           ? &(struct payload){.kind = PAYLOAD_SSH_LOGIN}
	                           : NULL,
	};
	struct policy *floor = floor_text != NULL ? parse(floor_text, true) : NULL;
	struct policy *policy = parse(text, false);
	struct verdict verdict = floor_decide(floor, policy, &request);

	verdict.rule = strcmp(verdict.rule, "f") == 0   ? "f"
	               : strcmp(verdict.rule, "u") == 0 ? "u"
	                                                : "default";
	policy_unref(floor);
	policy_unref(policy);
	return verdict;
}

#define RULE(name, action) "rules: [{name: " name ", match: {}, action: " action "}]\n"
#define USER(action)       "default_action: deny\n" RULE("u", action)

static void the_stricter_of_both_holds_and_is_named(void **state) {
	static const char *const floors[] = {RULE("f", "deny"), RULE("f", "confirm"),
	                                     RULE("f", "allow")};
	static const char *const users[] = {USER("deny"), USER("confirm"), USER("allow")};

	(void)state;
	for (size_t above = 0; above < 3; above++)
		for (size_t user = 0; user < 3; user++) {
			struct verdict verdict = decide(floors[above], users[user], OPERATION_SIGN,
			                                CALLER_IDENTIFIED);

			assert_int_equal(verdict.action, above < user ? above : user);
			assert_int_equal(verdict.by_floor, above < user);
			assert_string_equal(verdict.rule, above < user ? "f" : "u");
		}
}

static void what_a_floor_says_nothing_of_is_free(void **state) {
	static const char change[] = "default_action: deny\ndefault_change_action: allow\n";

	(void)state;
	assert_int_equal(
		decide("rules: []\n", USER("allow"), OPERATION_SIGN, CALLER_IDENTIFIED).action,
		ACTION_ALLOW);
	assert_int_equal(decide("rules: []\n", change, OPERATION_ADD, CALLER_IDENTIFIED).action,
	                 ACTION_ALLOW);
	assert_int_equal(
		decide("default_change_action: deny\n", change, OPERATION_ADD, CALLER_IDENTIFIED)
			.action,
		ACTION_DENY);
	assert_int_equal(decide("default_action: confirm\n", USER("allow"), OPERATION_SIGN,
	                        CALLER_IDENTIFIED)
	                         .action,
	                 ACTION_CONFIRM);
}

static void a_floor_opens_nothing(void **state) {
	(void)state;
	assert_int_equal(decide(RULE("f", "allow"), "default_action: deny\n", OPERATION_SIGN,
	                        CALLER_IDENTIFIED)
	                         .action,
	                 ACTION_DENY);
	assert_int_equal(decide("default_action: allow\n", "default_action: allow\n",
	                        OPERATION_SIGN, CALLER_UNKNOWN)
	                         .action,
	                 ACTION_DENY);
}

static void a_user_cannot_say_less_of_the_log_than_the_floor(void **state) {
	struct policy *silent = parse("rules: []\n", true);
	struct policy *strict = parse("log: {on_error: deny}\n", true);
	struct policy *user = parse("default_action: deny\nlog: {on_error: allow}\n", false);

	(void)state;
	assert_int_equal(floor_log(NULL, user).on_error, ON_LOG_ERROR_ALLOW);
	assert_int_equal(floor_log(silent, user).on_error, ON_LOG_ERROR_ALLOW);
	assert_int_equal(floor_log(strict, user).on_error, ON_LOG_ERROR_DENY);
	policy_unref(strict);
	strict = parse(
		"log: {keep: 400d, sync: always, keep_size: 1G, file_size: 1M, compress: no}\n",
		true);
	assert_int_equal(floor_log(strict, user).keep_len, 1 << 30);
	assert_int_equal(floor_log(strict, user).file_len, 1 << 20);
	assert_true(floor_log(strict, user).no_compress);
	assert_int_equal(policy_log(user).file_len, LOG_FILE_LEN_USUAL);
	assert_int_equal(floor_log(strict, user).on_error, ON_LOG_ERROR_ALLOW);
	assert_int_equal(floor_log(strict, user).keep_days, 400);
	assert_int_equal(floor_log(strict, user).sync, LOG_SYNC_ALWAYS);
	policy_unref(silent);
	policy_unref(strict);
	policy_unref(user);
}

static void the_floor_may_fix_what_events_hold(void **state) {
	struct policy *user = parse("default_action: deny\nlog: {detail: brief}\n", false);
	struct policy *silent = parse("rules: []\n", true);
	struct policy *full = parse("log: {detail: full}\n", true);
	struct verdict unsaid = {.rule = "a"};
	struct verdict says_full = {.rule = "a", .log = LOG_DETAIL_FULL};
	struct verdict says_brief = {.rule = "a", .log = LOG_DETAIL_BRIEF};

	(void)state;
	assert_int_equal(floor_log_detail(NULL, user, &unsaid), LOG_DETAIL_BRIEF);
	assert_int_equal(floor_log_detail(silent, user, &unsaid), LOG_DETAIL_BRIEF);
	assert_int_equal(floor_log_detail(silent, user, &says_full), LOG_DETAIL_FULL);
	assert_int_equal(floor_log_detail(full, user, &unsaid), LOG_DETAIL_FULL);
	assert_int_equal(floor_log_detail(full, user, &says_brief), LOG_DETAIL_FULL);
	policy_unref(user);
	policy_unref(silent);
	policy_unref(full);
}

static void a_policy_of_the_users_still_needs_its_default(void **state) {
	struct problems problems = {0};
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(
		policy_parse(&policy, bytes_of_text("rules: []\n"), "p.yaml", NULL, &problems),
		-EINVAL);
	problems_deinit(&problems);
}

#define EIGHT(text) text text text text text text text text
#define POINT_A     EIGHT("0123456789abcdef")
#define POINT_B     EIGHT("1111111111111111") /* a number, to YAML */

static void a_floor_that_names_security_keys_lets_no_other_one_say_yes(void **state) {
	uint8_t a[PINNED_POINT_LEN], b[PINNED_POINT_LEN];
	struct policy *one = parse("confirm: {credentials: " POINT_A "}\n", true);
	struct policy *both = parse("confirm: {credentials: [" POINT_A ", " POINT_B "], "
	                            "methods: [touch, pin]}\n",
	                            true);
	struct policy *none = parse("confirm: {methods: pin}\n", true);

	(void)state;
	for (size_t i = 0; i < sizeof(a); i++) {
		static const uint8_t bytes[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

		a[i] = bytes[i % 8];
		b[i] = 0x11;
	}
	assert_true(floor_names_keys(one) && floor_takes_key(one, a) && !floor_takes_key(one, b));
	assert_true(floor_takes_key(both, a) && floor_takes_key(both, b));
	b[63] ^= 1;
	assert_false(floor_takes_key(both, b));
	/* Where none is named, all that are enrolled may. */
	assert_false(floor_names_keys(none) || floor_names_keys(NULL));
	assert_true(floor_takes_key(none, b) && floor_takes_key(NULL, b));
	/* Nor does a PIN answer beside them, unless that is written. */
	assert_int_equal(policy_confirm(one)->methods_named, CONFIRM_TOUCH);
	assert_int_equal(policy_confirm(one)->methods, CONFIRM_TOUCH);
	assert_int_equal(policy_confirm(both)->methods, CONFIRM_TOUCH | CONFIRM_PIN);
	policy_unref(one);
	policy_unref(both);
	policy_unref(none);
}

static void what_a_floor_names_is_shown_as_a_floor_can_be_read(void **state) {
	struct policy *policy = parse("confirm: {credentials: [" POINT_A ", " POINT_B "]}\n", true);
	struct buffer once = {0}, twice = {0};
	struct policy *again;

	(void)state;
	policy_show(&once, policy);
	buffer_put_u8(&once, '\0');
	assert_non_null(strstr((const char *)once.data, "credentials:\n    - \"" POINT_A "\"\n"));
	again = parse((const char *)once.data, true);
	policy_show(&twice, again);
	buffer_put_u8(&twice, '\0');
	assert_string_equal(strstr((const char *)once.data, "version:"),
	                    strstr((const char *)twice.data, "version:"));
	buffer_deinit(&once);
	buffer_deinit(&twice);
	policy_unref(policy);
	policy_unref(again);
}

static void mistakes_in_the_keys_that_a_floor_names_are_told(void **state) {
	static const char *const texts[][2] = {
		{"confirm: {credentials: []}\n", "empty list"},
		{"confirm: {credentials: }\n", "not the public key"},
		{"confirm: {credentials: {a: b}}\n", "not the public key"},
		{"confirm: {credentials: [[" POINT_A "]]}\n", "not the public key"},
		{"confirm: {credentials: [" POINT_A "0]}\n", "--list` prints"},
		{"confirm: {credentials: [" POINT_A "00]}\n", "not the public key"},
		{"confirm: {credentials: [0123]}\n", "not the public key"},
		{"confirm: {credentials: [" EIGHT("0123456789ABCDEF") "]}\n", "0-9 and a-f"},
		{"confirm: {credentials: [" POINT_A ", " POINT_A "]}\n", "twice"},
		{"confirm: {credential: " POINT_A "}\n", "did you mean credentials?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct surroundings surroundings = {.is_floor = true};
		struct problems problems = {0};
		struct policy *policy = NULL;

		assert_int_equal(policy_parse(&policy, bytes_of_text(texts[i][0]), "f.yaml",
		                              &surroundings, &problems),
		                 -EINVAL);
		assert_non_null(strstr(problems.items[0].text, texts[i][1]));
		assert_int_equal(problems.items[0].line, 1);
		problems_deinit(&problems);
	}
}

static void only_what_is_roots_is_a_floor(void **state) {
	struct policy_file file = {
		.path = "f.yaml", .owner = 1, .mode = 0644, .text = bytes_of_text("rules: []\n")};
	struct problems problems = {0};
	struct policy *policy = NULL;

	(void)state;
	/* The directories may not be there, which is no more accepted. */
	assert_true(floor_parse_file(&policy, &file, NULL, &problems) < 0);
	file.owner = 0;
	file.mode = 0664;
	assert_true(floor_parse_file(&policy, &file, NULL, &problems) < 0);
	assert_null(policy);
	problems_deinit(&problems);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stricter_of_both_holds_and_is_named),
		cmocka_unit_test(what_a_floor_says_nothing_of_is_free),
		cmocka_unit_test(a_floor_opens_nothing),
		cmocka_unit_test(a_user_cannot_say_less_of_the_log_than_the_floor),
		cmocka_unit_test(the_floor_may_fix_what_events_hold),
		cmocka_unit_test(a_policy_of_the_users_still_needs_its_default),
		cmocka_unit_test(a_floor_that_names_security_keys_lets_no_other_one_say_yes),
		cmocka_unit_test(what_a_floor_names_is_shown_as_a_floor_can_be_read),
		cmocka_unit_test(mistakes_in_the_keys_that_a_floor_names_are_told),
		cmocka_unit_test(only_what_is_roots_is_a_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
