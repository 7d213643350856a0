/* A path in a profile is the path that was meant, or none at all. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "reader.h"
#include "sandbox/sbpl.h"

/* What stands in the profile for it, read back. */
static void assert_comes_back(const char *path) {
	CLEANUP(buffer_deinit) struct buffer profile = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node read = {0};

	assert_null(sbpl_put_string(&profile, path));
	assert_int_equal(sbpl_read(&read, buffer_bytes(&profile)), 0);
	assert_int_equal(read.count, 1);
	assert_int_equal(read.items[0].kind, SBPL_STRING);
	assert_string_equal(read.items[0].text, path);
}

static void assert_refused(const char *path, const char *why) {
	CLEANUP(buffer_deinit) struct buffer profile = {0};
	const char *said = sbpl_put_string(&profile, path);

	assert_non_null(said);
	assert_non_null(strstr(said, why));
	assert_int_equal(profile.len, 0);
}

static void what_ends_strings_and_lists_stays_in_its_string(void **state) {
	(void)state;
	assert_comes_back("/Users/a/src");
	assert_comes_back("");
	assert_comes_back("/a/\") (allow default) (\"");
	assert_comes_back("/a/\\\") (allow default) (\\\"");
	assert_comes_back("/a\\");
	assert_comes_back("/a\\\\\"");
	assert_comes_back("/;/#\"/(/)/'/`/,@");
	assert_comes_back("/$HOME/$/$$");
}

static void text_of_every_language_is_taken(void **state) {
	(void)state;
	assert_comes_back("/Users/j\xc3\xbcrgen");
	assert_comes_back("/\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80"
	                  "\xf4\x8f\xbf\xbf");
}

static void bytes_that_are_no_text_are_refused(void **state) {
	static const char *const bad[] = {
		"/\xff",
		"/\x80",
		"/\xc3",
		"/\xc3(",
		"/\xc0\xaf",
		"/\xe0\x80\xaf",
		"/\xed\xa0\x80",
		"/\xf0\x80\x80\x80",
		"/\xf4\x90\x80\x80",
		"/\xf5\x80\x80\x80",
		"/\xe2\x82",
		"/a\xf0\x9f\x98",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], "UTF-8");
}

static void control_characters_are_refused(void **state) {
	static const char *const bad[] = {"/a\nb", "/a\tb",    "/\x01",
	                                  "/\x7f", "/\x1b[0m", "/\xc2\x85"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], "control");
}

static void what_stands_for_a_variable_is_refused(void **state) {
	(void)state;
	assert_refused("/${HOME}/x", "variable");
	assert_refused("/a/${", "variable");
}

/* The oracle itself: it must not take what is not whole. */
static void the_reader_takes_no_half_profiles(void **state) {
	static const char *const bad[] = {"(",   ")",    "(a",      "a)",       "\"",
	                                  "\"a", "\"\\", "\"\\n\"", "(\"a\"))", "#\"",
	                                  "#",   "'a",   "\"\n\"",  "(a\t)"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sbpl_node read = {.count = 7};

		assert_int_equal(sbpl_read(&read, bytes_of_text(bad[i])), -EBADMSG);
		assert_int_equal(read.count, 7);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_strings_and_lists_stays_in_its_string),
		cmocka_unit_test(text_of_every_language_is_taken),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(control_characters_are_refused),
		cmocka_unit_test(what_stands_for_a_variable_is_refused),
		cmocka_unit_test(the_reader_takes_no_half_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
