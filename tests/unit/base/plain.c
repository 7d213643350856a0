/* What somebody reads who has to decide. */
#include "unit.h"

#include "base/plain.h"

static void assert_plain(struct bytes text, size_t len_max, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	plain_put(&buffer, text, len_max);
	buffer_put_u8(&buffer, 0);
	assert_int_equal(buffer_error(&buffer), 0);
	assert_string_equal(buffer.data, expected);
}

static void printable_text_stays(void **state) {
	(void)state;
	assert_plain(bytes_of_text("git@example.org ~/a b"), 0, "git@example.org ~/a b");
	assert_plain(bytes_of_text(""), 10, "");
	assert_plain((struct bytes){0}, 0, "");
}

static void nothing_reaches_the_terminal_but_text(void **state) {
	const char nul[] = {'a', 0, 'b'};

	(void)state;
	assert_plain(bytes_of_text("a\x1b[2J\n\r\tb"), 0, "a\\x1b[2J\\x0a\\x0d\\x09b");
	assert_plain(BYTES(nul), 0, "a\\x00b");
	/* right-to-left override, an umlaut, a byte that is no text */
	assert_plain(bytes_of_text("\xe2\x80\xae"), 0, "\\xe2\\x80\\xae");
	assert_plain(bytes_of_text("\xc3\xbc\xff"), 0, "\\xc3\\xbc\\xff");
	/* So that what is written cannot pass for what was escaped. */
	assert_plain(bytes_of_text("\\x1b"), 0, "\\x5cx1b");
}

static void what_is_too_long_loses_its_middle(void **state) {
	(void)state;
	assert_plain(bytes_of_text("0123456789"), 10, "0123456789");
	assert_plain(bytes_of_text("0123456789a"), 10, "012...789a");
	assert_plain(bytes_of_text("\n\n\n\n\n"), 11, "\\x0a...\\x0a");
	assert_plain(bytes_of_text("0123456789"), 2, "...");
}

static void what_is_plain_already_is_not_escaped_again(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	plain_keep(&buffer, bytes_of_text("a\\x1b[2J \x1b[2J\xe2\x80\xae\n"));
	assert_true(bytes_equal_text(buffer_bytes(&buffer),
	                             "a\\x1b[2J \\x1b[2J\\xe2\\x80\\xae\\x0a"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_stays),
		cmocka_unit_test(nothing_reaches_the_terminal_but_text),
		cmocka_unit_test(what_is_too_long_loses_its_middle),
		cmocka_unit_test(what_is_plain_already_is_not_escaped_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
