#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "policy/glob.h"

static bool fits(const char *source, const char *text, bool path) {
	CLEANUP(glob_deinit) struct glob glob = {0};

	assert_int_equal(glob_compile(&glob, "", source, path), 0);
	return glob_fits(&glob, text);
}

struct row {
	const char *source;
	const char *text;
	bool as_text;
	bool as_path;
};

static void stars_and_question_marks_fit_what_they_say(void **state) {
	static const struct row rows[] = {
		{"ssh", "ssh", true, true},
		{"ssh", "ssh2", false, false},
		{"ssh", "SSH", false, false},
		{"ssh", "", false, false},
		{"*", "", true, true},
		{"*", "anything", true, true},
		{"?", "a", true, true},
		{"?", "", false, false},
		{"?", "ab", false, false},
		{"?", "\xc3\xa4", true, true},
		{"??", "\xc3\xa4", false, false},
		{"a?b", "a/b", true, false},
		{"git-*", "git-", true, true},
		{"git-*", "git-remote-ssh", true, true},
		{"*-ssh", "git-remote-ssh", true, true},
		{"a*b*c", "aXbXbXc", true, true},
		{"a*b*c", "aXbXbX", false, false},
		{"a**c", "abc", true, true},
		{"*?*", "", false, false},
		{"*?*", "x", true, true},
		{"a\\*", "a\\b", true, true},
		{"[ab]", "a", false, false},
		{"[ab]", "[ab]", true, true},
		/* A path: * stops at "/", but for the end; ** crosses. */
		{"/usr/*/ssh", "/usr/bin/ssh", true, true},
		{"/usr/*/ssh", "/usr/local/bin/ssh", true, false},
		{"/usr/**/ssh", "/usr/local/bin/ssh", true, true},
		{"/usr/**/ssh", "/usr/bin/ssh", true, true},
		{"/opt/tool/*", "/opt/tool/bin/x", true, true},
		{"/opt/tool*", "/opt/tools/bin/x", true, true},
		{"/opt/tool/*", "/opt/tool", false, false},
		{"/opt/*/bin/*", "/opt/a/bin/x/y", true, true},
		{"/opt/*/bin/*", "/opt/a/b/bin/x", true, false},
		{"**/ssh", "/usr/bin/ssh", true, true},
		{"**/ssh", "/usr/bin/openssh", false, false},
		{"*/ssh", "/usr/bin/ssh", true, false},
		{"/**/a*/c", "/x/a/a1/c", true, true},
		{"/**/a*/c", "/x/ab/d/c", true, false},
		{"/*/*/x", "/a/b/x", true, true},
		{"/*/*/x", "/a/x", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool as_text = fits(rows[i].source, rows[i].text, false);
		bool as_path = fits(rows[i].source, rows[i].text, true);

		if (as_text != rows[i].as_text || as_path != rows[i].as_path)
			print_message("# \"%s\" on \"%s\"\n", rows[i].source, rows[i].text);
		assert_int_equal(as_text, rows[i].as_text);
		assert_int_equal(as_path, rows[i].as_path);
	}
}

static void a_literal_in_front_has_no_wildcards(void **state) {
	CLEANUP(glob_deinit) struct glob glob = {0};

	(void)state;
	assert_int_equal(glob_compile(&glob, "/home/*", "/bin/?", true), 0);
	assert_true(glob_fits(&glob, "/home/*/bin/x"));
	assert_false(glob_fits(&glob, "/home/a/bin/x"));
}

/* The definition, with all the backtracking that the real one must not do. */
static bool naive(const char *source, const char *text, bool path) {
	if (*source == '\0')
		return *text == '\0';
	if (*source == '*') {
		size_t n_stars = strspn(source, "*");
		bool crosses = !path || n_stars > 1 || source[n_stars] == '\0';

		for (const char *rest = text;; rest++) {
			if (naive(source + n_stars, rest, path))
				return true;
			if (*rest == '\0' || (*rest == '/' && !crosses))
				return false;
		}
	}
	if (*text == '\0' || (*source == '?' && path && *text == '/') ||
	    (*source != '?' && *source != *text))
		return false;
	return naive(source + 1, text + 1, path);
}

static uint32_t next_random(uint32_t *seed) {
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void random_text(char *ret, size_t len_max, const char *letters, uint32_t *seed) {
	size_t len = next_random(seed) % (len_max + 1);

	for (size_t i = 0; i < len; i++)
		ret[i] = letters[next_random(seed) % strlen(letters)];
	ret[len] = '\0';
}

static void it_agrees_with_its_definition(void **state) {
	unsigned rounds = repetitions(200000);
	uint32_t seed = 20261123;
	unsigned n_fits = 0;

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		bool path = i % 2 == 0;
		char source[9], text[11];

		random_text(source, 8, "ab/*?*", &seed);
		random_text(text, 10, "aab/", &seed);
		if (fits(source, text, path) != naive(source, text, path)) {
			print_message("# \"%s\" on \"%s\" (path: %d)\n", source, text, path);
			fail();
		}
		n_fits += naive(source, text, path);
	}
	assert_true(n_fits > rounds / 20); /* it was no comparison of no with no */
}

/* 1,000 bytes of pattern on 4,000 bytes of text that all but fits: a matcher that backtracks
 * freely would not be done before the sun is. */
static void no_pattern_blows_up(void **state) {
	char source[1001], text[4097];
	uint64_t started_ns;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		source[i] = i % 2 == 0 ? '*' : 'a';
	memcpy(source + 998, "b?", 3);
	memset(text, 'a', 4096);
	text[4096] = '\0';
	started_ns = clock_mono_ns();
	assert_false(fits(source, text, false));
	assert_false(fits(source, text, true));
	assert_true(clock_mono_ns() - started_ns < 2000000000);
}

static void a_source_above_the_limit_is_refused(void **state) {
	char source[GLOB_LEN_MAX + 2];
	struct glob glob = {.n_tokens = 7};

	(void)state;
	memset(source, '?', sizeof(source));
	source[GLOB_LEN_MAX + 1] = '\0';
	assert_int_equal(glob_compile(&glob, "", source, false), -EMSGSIZE);
	assert_int_equal(glob.n_tokens, 7);
	source[GLOB_LEN_MAX] = '\0';
	assert_false(fits(source, "a", false));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stars_and_question_marks_fit_what_they_say),
		cmocka_unit_test(a_literal_in_front_has_no_wildcards),
		cmocka_unit_test(it_agrees_with_its_definition),
		cmocka_unit_test(no_pattern_blows_up),
		cmocka_unit_test(a_source_above_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
