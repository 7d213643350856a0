#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/cursor.h"

static void what_is_written_is_read_back(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct cursor cursor;

	(void)state;
	buffer_put_u8(&buffer, 7);
	buffer_put_u32(&buffer, 0xdeadbeef);
	buffer_put_u64(&buffer, 0x0123456789abcdefULL);
	buffer_put_string(&buffer, bytes_of_text("text"));
	assert_int_equal(buffer_error(&buffer), 0);
	cursor = cursor_over(buffer_bytes(&buffer));
	assert_int_equal(cursor_u8(&cursor), 7);
	assert_true(cursor_u32(&cursor) == 0xdeadbeef);
	assert_true(cursor_u64(&cursor) == 0x0123456789abcdefULL);
	assert_true(bytes_equal_text(cursor_string(&cursor), "text"));
	assert_int_equal(cursor_finish(&cursor), 0);
}

static void it_grows_and_keeps_what_it_had(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buffer_put_u8(&buffer, (uint8_t)i);
	assert_int_equal(buffer_error(&buffer), 0);
	assert_int_equal(buffer.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(buffer.data[i], (uint8_t)i);
}

static void a_runaway_ends_and_stays_ended(void **state) {
	const size_t len = 16 * 1024 * 1024;
	CLEANUP(free_pointer) uint8_t *block = calloc(1, len);
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	assert_non_null(block);
	for (int i = 0; i < 4; i++)
		buffer_put_raw(&buffer, (struct bytes){block, len});
	assert_int_equal(buffer_error(&buffer), 0);
	buffer_put_u8(&buffer, 1);
	assert_int_equal(buffer_error(&buffer), -EMSGSIZE);
	assert_int_equal(buffer.len, 4 * len);
}

static void dropping_keeps_the_rest(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	buffer_put_raw(&buffer, bytes_of_text("onetwo"));
	buffer_drop(&buffer, 3);
	assert_true(bytes_equal_text(buffer_bytes(&buffer), "two"));
	buffer_drop(&buffer, 0);
	buffer_drop(&buffer, 3);
	assert_int_equal(buffer.len, 0);
}

static void clearing_wipes(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	buffer_put_raw(&buffer, bytes_of_text("secret"));
	buffer_clear(&buffer);
	assert_int_equal(buffer.len, 0);
	for (size_t i = 0; i < sizeof("secret") - 1; i++)
		assert_int_equal(buffer.data[i], 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(it_grows_and_keeps_what_it_had),
		cmocka_unit_test(a_runaway_ends_and_stays_ended),
		cmocka_unit_test(dropping_keeps_the_rest),
		cmocka_unit_test(clearing_wipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
