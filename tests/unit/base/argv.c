#include "unit.h"

#include <stdlib.h>

#include "base/argv.h"

static void texts_are_split_at_their_ends(void **state) {
	CLEANUP(free_pointer) char **argv = NULL;
	size_t argc = 0;

	(void)state;
	assert_int_equal(argv_split(&argv, &argc, (struct bytes){(const uint8_t *)"ssh\0\0a b", 9}),
	                 0);
	assert_int_equal(argc, 3);
	assert_string_equal(argv[0], "ssh");
	assert_string_equal(argv[1], "");
	assert_string_equal(argv[2], "a b");
	assert_null(argv[3]);
}

static void the_last_text_may_lack_its_end(void **state) {
	CLEANUP(free_pointer) char **argv = NULL;
	size_t argc = 0;

	(void)state;
	assert_int_equal(argv_split(&argv, &argc, (struct bytes){(const uint8_t *)"a\0title", 7}),
	                 0);
	assert_int_equal(argc, 2);
	assert_string_equal(argv[1], "title");
	assert_null(argv[2]);
}

static void no_bytes_are_no_texts(void **state) {
	CLEANUP(free_pointer) char **argv = NULL;
	size_t argc = 7;

	(void)state;
	assert_int_equal(argv_split(&argv, &argc, (struct bytes){0}), 0);
	assert_int_equal(argc, 0);
	assert_null(argv[0]);
}

static void a_copy_outlives_its_original(void **state) {
	CLEANUP(free_pointer) char **copy = NULL;
	char first[] = "ssh", second[] = "";
	char *const argv[] = {first, second, NULL};

	(void)state;
	assert_int_equal(argv_copy(&copy, argv, 2), 0);
	first[0] = 'x';
	assert_string_equal(copy[0], "ssh");
	assert_string_equal(copy[1], "");
	assert_null(copy[2]);
	free(copy);
	copy = NULL;
	assert_int_equal(argv_copy(&copy, argv, 0), 0);
	assert_null(copy[0]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_outlives_its_original),
		cmocka_unit_test(texts_are_split_at_their_ends),
		cmocka_unit_test(the_last_text_may_lack_its_end),
		cmocka_unit_test(no_bytes_are_no_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
