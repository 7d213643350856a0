#include "unit.h"

#include <locale.h>
#include <string.h>

#include "log/display.h"
#include "log/escape.h"
#include "log/hostile.h"

static int in_utf8(void **state) {
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

static void assert_shown(const char *original, bool utf8, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	display_put(&shown, bytes_of_text(original), utf8);
	assert_int_equal(buffer_error(&shown), 0);
	buffer_put_u8(&shown, '\0');
	assert_string_equal((const char *)shown.data, expected);
}

static void ordinary_text_is_shown_as_it_is(void **state) {
	(void)state;
	assert_shown("ssh -p 22 \"a\" \\ \\n", true, "ssh -p 22 \"a\" \\ \\n");
	assert_shown("h\u00e9llo \u4e16\u754c \U0001f600", true,
	             "h\u00e9llo \u4e16\u754c \U0001f600");
}

static void what_a_terminal_obeys_is_escaped(void **state) {
	(void)state;
	assert_shown("\x1b[2J\n\t\x7f", true, "\\x1b[2J\\x0a\\x09\\x7f");
	assert_shown("\xc2\x9b", true, "\\xc2\\x9b"); /* CSI in one */
	assert_shown("\x9b"
	             "31m",
	             true,
	             "\\x9b"
	             "31m"); /* and as a byte */
	assert_shown("\u202e\u2066\u200b", true,
	             "\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\x8b"); /* directions, no width */
	assert_shown("\u2028", true, "\\xe2\\x80\\xa8");
	assert_shown("\u00ad", true, "\\xc2\\xad");
	assert_shown("\u05d0\u0627", true, "\\xd7\\x90\\xd8\\xa7"); /* right to left */
	assert_shown("e\u0301", true, "e\\xcc\\x81");
	assert_shown("\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf", true,
	             "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xc0\\xaf");
	assert_shown("\xe2\x82", true, "\\xe2\\x82");
}

static void without_utf_8_all_is_ascii(void **state) {
	(void)state;
	assert_shown("h\u00e9", false, "h\\xc3\\xa9");
}

static void undoing_it_gives_the_original(void **state) {
	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++)
		for (int utf8 = 0; utf8 <= 1; utf8++) {
			CLEANUP(buffer_deinit) struct buffer shown = {0};
			CLEANUP(buffer_deinit) struct buffer again = {0};
			struct bytes original = bytes_of_text(hostile_values[i]);

			display_put(&shown, original, utf8 == 1);
			escape_undo(&again, buffer_bytes(&shown));
			assert_true(bytes_equal(buffer_bytes(&again), original));
		}
	assert_shown("\\x41", true, "\\x5cx41");
}

static void width_is_counted_in_columns(void **state) {
	(void)state;
	assert_int_equal(display_width(bytes_of_text("")), 0);
	assert_int_equal(display_width(bytes_of_text("abc")), 3);
	assert_int_equal(display_width(bytes_of_text("\u00e9\u4e16\U0001f600")), 5);
}

static void only_whole_characters_fit(void **state) {
	struct bytes wide = bytes_of_text("\u4e16\u754c");

	(void)state;
	assert_int_equal(display_fit(wide, 4), 6);
	assert_int_equal(display_fit(wide, 3), 3);
	assert_int_equal(display_fit(wide, 1), 0);
	assert_int_equal(display_fit(wide, 0), 0);
	assert_int_equal(display_fit(bytes_of_text("abc"), 2), 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_is_shown_as_it_is),
		cmocka_unit_test(what_a_terminal_obeys_is_escaped),
		cmocka_unit_test(without_utf_8_all_is_ascii),
		cmocka_unit_test(undoing_it_gives_the_original),
		cmocka_unit_test(width_is_counted_in_columns),
		cmocka_unit_test(only_whole_characters_fit),
	};

	return cmocka_run_group_tests(tests, in_utf8, NULL);
}
