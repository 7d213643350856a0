/* What a terminal gets to see of a stranger's text. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/show.h"

static void assert_shown(const char *text, size_t width, const char *expected) {
	CLEANUP(free_pointer) char *shown = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&shown, &len);
	size_t columns;

	assert_non_null(stream);
	columns = show(stream, text, width);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(shown, expected);
	assert_int_equal(columns, strlen(expected));
}

static void printable_text_stands_for_itself(void **state) {
	(void)state;
	assert_shown("/usr/bin/ssh -p 22 ~", 0, "/usr/bin/ssh -p 22 ~");
	assert_shown("", 0, "");
}

static void what_a_terminal_would_obey_is_escaped(void **state) {
	(void)state;
	assert_shown("\x1b[2J", 0, "\\x1b[2J");
	assert_shown("a\nb\tc\r\x7f", 0, "a\\x0ab\\x09c\\x0d\\x7f");
	assert_shown("\xe2\x80\xae", 0, "\\xe2\\x80\\xae"); /* writing from right to left */
	assert_shown("\x9b", 0, "\\x9b");                   /* an escape of one byte */
}

static void a_column_is_filled_and_never_cut(void **state) {
	(void)state;
	assert_shown("ab", 4, "ab  ");
	assert_shown("abcdef", 4, "abcdef");
	assert_shown("\x01", 6, "\\x01  ");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_stands_for_itself),
		cmocka_unit_test(what_a_terminal_would_obey_is_escaped),
		cmocka_unit_test(a_column_is_filled_and_never_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
