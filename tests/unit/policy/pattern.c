#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "policy/pattern.h"

static struct regex_room *room;

static int enter(void **state) {
	(void)state;
	return regex_room_new(&room);
}

static int leave(void **state) {
	(void)state;
	regex_room_free(room);
	return 0;
}

static struct pattern_context context_of(bool path) {
	return (struct pattern_context){
		.path = path, .home = "/home/a", .regex_left = REGEX_SIZE_ALL_MAX, .room = room};
}

static enum pattern_fit fit(const char *source, const char *text, bool path) {
	CLEANUP(pattern_deinit) struct pattern pattern = {0};
	CLEANUP(free_pointer) char *why = NULL;
	struct pattern_context context = context_of(path);

	assert_int_equal(pattern_compile(&pattern, source, &context, &why), 0);
	assert_null(why);
	return pattern_fits(&pattern, text);
}

static void a_tilde_starts_a_regular_expression_without_anchors(void **state) {
	(void)state;
	assert_int_equal(fit("~s+h", "openssh-client", false), PATTERN_YES);
	assert_int_equal(fit("~^s+h$", "openssh", false), PATTERN_NO);
	assert_int_equal(fit("~^(ssh|scp)$", "scp", false), PATTERN_YES);
	assert_int_equal(fit("~(?i)SSH", "ssh", false), PATTERN_YES);
	assert_int_equal(fit("~^/usr/(local/)?bin/ssh$", "/usr/local/bin/ssh", true), PATTERN_YES);
	assert_int_equal(fit("~^$", "", false), PATTERN_YES);
}

static void a_newline_in_a_name_gains_nothing(void **state) {
	(void)state;
	assert_int_equal(fit("~^ssh$", "ssh\n", false), PATTERN_NO);
	assert_int_equal(fit("~^bad.*tool$", "bad\ntool", false), PATTERN_YES);
	assert_int_equal(fit("~^bad.*tool$", "bad\xff\xfetool", false), PATTERN_YES);
}

static void a_tilde_and_a_slash_are_home_in_a_path_alone(void **state) {
	(void)state;
	assert_int_equal(fit("~/bin/*", "/home/a/bin/x/y", true), PATTERN_YES);
	assert_int_equal(fit("~/bin/x", "/home/b/bin/x", true), PATTERN_NO);
	assert_int_equal(fit("~/bin/", "some/bin/x", false), PATTERN_YES);
}

static void a_bad_pattern_says_why(void **state) {
	static const struct {
		const char *source;
		const char *why;
	} rows[] = {
		{"~(", "missing closing parenthesis, at its character 2"},
		{"~", "empty regular expression"},
		{"~[z-a]", "range out of order"},
		{"~(*UTF)a", "UTF is disabled"},
		{"~((a{1,250}){1,250}){1,250}", "too large"},
		{"~(a){1,3000}", "too much memory"},
		{"~\\C", "\\C"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(free_pointer) char *why = NULL;
		struct pattern pattern = {0};
		struct pattern_context context = context_of(false);

		assert_int_equal(pattern_compile(&pattern, rows[i].source, &context, &why),
		                 -EINVAL);
		assert_null(pattern.regex);
		if (strstr(why, rows[i].why) == NULL)
			print_message("# %s: %s\n", rows[i].source, why);
		assert_non_null(strstr(why, rows[i].why));
	}
}

static void home_must_be_known_where_it_is_named(void **state) {
	CLEANUP(free_pointer) char *why = NULL;
	struct pattern pattern;
	struct pattern_context context = {.path = true, .room = room};

	(void)state;
	assert_int_equal(pattern_compile(&pattern, "~/x", &context, &why), -EINVAL);
	assert_non_null(strstr(why, "HOME"));
}

static void what_regular_expressions_take_is_counted_over_all(void **state) {
	CLEANUP(free_pointer) char *why = NULL;
	CLEANUP(pattern_deinit) struct pattern pattern = {0};
	struct pattern_context context = context_of(false);

	(void)state;
	context.regex_left = 300;
	assert_int_equal(pattern_compile(&pattern, "~abc", &context, &why), 0);
	assert_true(context.regex_left < 300);
	pattern_deinit(&pattern);
	assert_int_equal(pattern_compile(&pattern, "~abcdefghijklmnopqrstuvw", &context, &why),
	                 -EINVAL);
}

/* Each of these would run for years; the text is what an attacker names his program. */
static void a_pattern_that_runs_away_meets_its_limit(void **state) {
	static const char *const sources[] = {"~(a+)+$", "~(a|aa)+$", "~((a*)*)*[b-z]",
	                                      "~^(a|a?)+$"};
	char text[2049];
	uint64_t started_ns = clock_mono_ns();

	(void)state;
	memset(text, 'a', 2047);
	memcpy(text + 2047, "!", 2);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		assert_int_equal(fit(sources[i], text, false), PATTERN_LIMIT);
	assert_true(clock_mono_ns() - started_ns < 2000000000);
}

static void recursion_meets_its_limit(void **state) {
	char text[4097];

	(void)state;
	memset(text, '(', 4096);
	text[4096] = '\0';
	assert_int_equal(fit("~^(\\((?1)*+\\)|\\((?1)?)$", text, false), PATTERN_LIMIT);
}

static void a_text_longer_than_any_path_is_no_answer(void **state) {
	char text[PATTERN_TEXT_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[PATTERN_TEXT_MAX + 1] = '\0';
	assert_int_equal(fit("*a", text, false), PATTERN_LIMIT);
	assert_int_equal(fit("~a", text, false), PATTERN_LIMIT);
	assert_int_equal(fit("a", text, false), PATTERN_NO); /* no wildcard, no doubt */
	text[PATTERN_TEXT_MAX] = '\0';
	assert_int_equal(fit("*a", text, false), PATTERN_YES);
	assert_int_equal(fit("~a", text, false), PATTERN_YES);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tilde_starts_a_regular_expression_without_anchors),
		cmocka_unit_test(a_newline_in_a_name_gains_nothing),
		cmocka_unit_test(a_tilde_and_a_slash_are_home_in_a_path_alone),
		cmocka_unit_test(a_bad_pattern_says_why),
		cmocka_unit_test(home_must_be_known_where_it_is_named),
		cmocka_unit_test(what_regular_expressions_take_is_counted_over_all),
		cmocka_unit_test(a_pattern_that_runs_away_meets_its_limit),
		cmocka_unit_test(recursion_meets_its_limit),
		cmocka_unit_test(a_text_longer_than_any_path_is_no_answer),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
