#include "unit.h"

#include <errno.h>

#include "base/cursor.h"

static void numbers_are_read_in_network_order(void **state) {
	const uint8_t raw[] = {1, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
	struct cursor cursor = cursor_over(BYTES(raw));

	(void)state;
	assert_int_equal(cursor_u8(&cursor), 1);
	assert_int_equal(cursor_u32(&cursor), 0x00000203);
	assert_true(cursor_u64(&cursor) == 0x0405060708090a0bULL);
	assert_int_equal(cursor_finish(&cursor), 0);
}

static void a_string_is_a_view_into_its_message(void **state) {
	const uint8_t raw[] = {0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0};
	struct cursor cursor = cursor_over(BYTES(raw));
	struct bytes text = cursor_string(&cursor);

	(void)state;
	assert_true(bytes_equal_text(text, "hi"));
	assert_ptr_equal(text.data, raw + 4);
	assert_int_equal(cursor_string(&cursor).len, 0);
	assert_int_equal(cursor_finish(&cursor), 0);
}

static void a_length_beyond_the_end_fails_and_stays_failed(void **state) {
	const uint8_t lying[] = {0xff, 0xff, 0xff, 0xff, 'k', 'e', 'y'};
	struct cursor cursor = cursor_over(BYTES(lying));

	(void)state;
	assert_int_equal(cursor_string(&cursor).len, 0);
	assert_int_equal(cursor_check(&cursor), -EBADMSG);
	assert_int_equal(cursor_u8(&cursor), 0);
	assert_int_equal(cursor_rest(&cursor).len, 0);
	assert_int_equal(cursor_finish(&cursor), -EBADMSG);
}

static void what_is_left_over_is_told_apart_from_a_failure(void **state) {
	const uint8_t raw[] = {1, 2};
	struct cursor cursor = cursor_over(BYTES(raw));

	(void)state;
	assert_int_equal(cursor_u8(&cursor), 1);
	assert_int_equal(cursor_check(&cursor), 0);
	assert_int_equal(cursor_finish(&cursor), -EBADMSG);
	assert_int_equal(cursor_rest(&cursor).len, 1);
	assert_int_equal(cursor_finish(&cursor), 0);
}

static void nothing_can_be_read_from_nothing(void **state) {
	struct cursor cursor = cursor_over((struct bytes){0});

	(void)state;
	assert_int_equal(cursor_rest(&cursor).len, 0);
	assert_int_equal(cursor_finish(&cursor), 0);
	assert_int_equal(cursor_u32(&cursor), 0);
	assert_int_equal(cursor_finish(&cursor), -EBADMSG);
}

static void a_number_cut_short_moves_nothing(void **state) {
	const uint8_t raw[] = {0, 0, 1};
	struct cursor cursor = cursor_over(BYTES(raw));

	(void)state;
	assert_int_equal(cursor_u32(&cursor), 0);
	assert_int_equal(cursor_check(&cursor), -EBADMSG);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_network_order),
		cmocka_unit_test(a_string_is_a_view_into_its_message),
		cmocka_unit_test(a_length_beyond_the_end_fails_and_stays_failed),
		cmocka_unit_test(what_is_left_over_is_told_apart_from_a_failure),
		cmocka_unit_test(nothing_can_be_read_from_nothing),
		cmocka_unit_test(a_number_cut_short_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
