#include "unit.h"

#include <stdlib.h>

#include "log/escape.h"

static void assert_escaped(struct bytes original, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer escaped = {0};
	CLEANUP(buffer_deinit) struct buffer undone = {0};

	assert_int_equal(escape_put(&escaped, original, SIZE_MAX), original.len);
	assert_true(bytes_equal_text(buffer_bytes(&escaped), expected));
	escape_undo(&undone, buffer_bytes(&escaped));
	assert_true(bytes_equal(buffer_bytes(&undone), original));
}

static void assert_text_escaped(const char *original, const char *expected) {
	assert_escaped(bytes_of_text(original), expected);
}

static void valid_text_stays_as_it_is(void **state) {
	(void)state;
	assert_text_escaped("", "");
	assert_text_escaped("/usr/bin/ssh -o 'a b'", "/usr/bin/ssh -o 'a b'");
	assert_text_escaped("\u00e9 \u20ac \U0001f600 \ufeff", "\u00e9 \u20ac \U0001f600 \ufeff");
	assert_text_escaped("\x1b[31m\r\n\t\x7f", "\x1b[31m\r\n\t\x7f");
	assert_text_escaped("\U0010ffff", "\U0010ffff");
}

static void each_byte_that_is_no_utf8_is_escaped(void **state) {
	(void)state;
	assert_text_escaped("a\xff\xfe", "a\\xff\\xfe");
	assert_text_escaped("\x80", "\\x80");
	assert_text_escaped("\xc3", "\\xc3");
	assert_text_escaped("\xe2\x82z", "\\xe2\\x82z");
	assert_text_escaped("\xc0\xaf", "\\xc0\\xaf");                   /* overlong "/" */
	assert_text_escaped("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* overlong "/" */
	assert_text_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a lone surrogate */
	assert_text_escaped("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	assert_text_escaped("\xf8\x88\x80\x80", "\\xf8\\x88\\x80\\x80");
}

static void a_nul_is_escaped(void **state) {
	(void)state;
	assert_escaped((struct bytes){(const uint8_t *)"a\0b", 3}, "a\\x00b");
}

static void what_looks_like_an_escape_is_told_from_one(void **state) {
	(void)state;
	assert_text_escaped("\\x41", "\\x5cx41");
	assert_text_escaped("\\x5cx41", "\\x5cx5cx41");
	assert_text_escaped("\\\\x", "\\\\x5cx");
	assert_text_escaped("\\", "\\");
	assert_text_escaped("\\\xff", "\\\\xff");
	assert_text_escaped("\\n \\X41 \\u0041", "\\n \\X41 \\u0041");
}

static void what_is_no_escape_stands_for_itself_when_undone(void **state) {
	CLEANUP(buffer_deinit) struct buffer undone = {0};

	(void)state;
	escape_undo(&undone, bytes_of_text("\\x4 \\xg0 \\xFF \\x41 \\"));
	assert_true(bytes_equal_text(buffer_bytes(&undone), "\\x4 \\xg0 \\xFF A \\"));
}

static void a_limit_falls_between_characters(void **state) {
	CLEANUP(buffer_deinit) struct buffer escaped = {0};

	(void)state;
	assert_int_equal(escape_put(&escaped, bytes_of_text("ab\u20ac"), 4), 2);
	assert_true(bytes_equal_text(buffer_bytes(&escaped), "ab"));
	assert_int_equal(escape_put(&escaped, bytes_of_text("\u20accd"), 3), 3);
	assert_true(bytes_equal_text(buffer_bytes(&escaped), "ab\u20ac"));
	assert_int_equal(escape_put(&escaped, bytes_of_text("x"), 0), 0);
	assert_true(bytes_equal_text(buffer_bytes(&escaped), "ab\u20ac"));
}

static void any_bytes_come_back(void **state) {
	static const char alphabet[] = "\\x5c0fa\xff\xe2\x82\xac\xc3\xa9\xed\xa0";
	uint8_t original[24];
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		CLEANUP(buffer_deinit) struct buffer escaped = {0};
		CLEANUP(buffer_deinit) struct buffer undone = {0};

		for (size_t i = 0; i < sizeof(original); i++) {
			seed = seed * 1664525 + 1013904223;
			original[i] = (uint8_t)alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		escape_put(&escaped, BYTES(original), SIZE_MAX);
		escape_undo(&undone, buffer_bytes(&escaped));
		assert_true(bytes_equal(buffer_bytes(&undone), BYTES(original)));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_text_stays_as_it_is),
		cmocka_unit_test(each_byte_that_is_no_utf8_is_escaped),
		cmocka_unit_test(a_nul_is_escaped),
		cmocka_unit_test(what_looks_like_an_escape_is_told_from_one),
		cmocka_unit_test(what_is_no_escape_stands_for_itself_when_undone),
		cmocka_unit_test(a_limit_falls_between_characters),
		cmocka_unit_test(any_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
