/* Which sockets there are outside, as the kernel's table says. */
#include "unit.h"

#include <string.h>

#include "base/buffer.h"
#include "sandbox/outside_sockets.h"

static void collect(void *data, const char *path) {
	buffer_put_raw(data, bytes_of_text(path));
	buffer_put_raw(data, bytes_of_text("|"));
}

static void assert_paths(const char *table, const char *paths) {
	CLEANUP(buffer_deinit) struct buffer found = {0};

	outside_sockets_parse(bytes_of_text(table), collect, &found);
	buffer_put_u8(&found, 0);
	assert_int_equal(buffer_error(&found), 0);
	assert_string_equal((const char *)found.data, paths);
}

#define HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define ROW  "0000000000000000: 00000002 00000000 00010000 0001 01 12345"

static void sockets_with_a_path_are_told(void **state) {
	(void)state;
	assert_paths(HEAD ROW " /run/a.sock\n" ROW "  /b c\n", "/run/a.sock|/b c|");
	assert_paths(HEAD ROW " /last", "/last|");
}

static void others_are_not(void **state) {
	(void)state;
	assert_paths("", "");
	assert_paths(HEAD ROW "\n" ROW " @abstract\n", "");
	assert_paths("\n\n \n/early\n1 2 3 4 5 6 \n", "");
}

static void a_relative_path_is_told_as_it_is(void **state) {
	(void)state;
	assert_paths(HEAD ROW " relative\n" ROW " a/b\n", "relative|a/b|");
}

/* A socket's name may hold a line end. */
static void a_name_in_two_lines_hides_no_other(void **state) {
	(void)state;
	assert_paths(HEAD ROW " /x\n" ROW " /evil\n/y\n" ROW " /z\n", "/x|/evil|/z|");
}

static void a_name_longer_than_any_path_is_passed_over(void **state) {
	char table[6000];

	(void)state;
	memset(table, 'a', sizeof(table));
	memcpy(table, ROW " /", strlen(ROW " /"));
	memcpy(table + sizeof(table) - strlen("\n" ROW " /ok") - 1, "\n" ROW " /ok",
	       strlen("\n" ROW " /ok") + 1);
	assert_paths(table, "/ok|");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_with_a_path_are_told),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(a_relative_path_is_told_as_it_is),
		cmocka_unit_test(a_name_in_two_lines_hides_no_other),
		cmocka_unit_test(a_name_longer_than_any_path_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
