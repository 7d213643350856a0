/* The file of the security keys. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "confirm/enrolment.h"

/* The generator of P-256. */
#define POINT                                                              \
	"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" \
	"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static struct enrolled_key key_of(const char *name, uint8_t id) {
	struct enrolled_key key = {
		.verifies = true, .counter = 4711, .added_us = 1234567, .id = {id, 2}, .id_len = 2};
	size_t len;

	strcpy(key.name, name);
	assert_int_equal(hex_read(key.point, POINT_LEN, &len, bytes_of_text(POINT)), 0);
	return key;
}

static void what_is_written_is_read_again(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct enrolment enrolment = {0}, read = {0};
	const struct enrolled_key first = key_of("first", 1), second = key_of("second", 2);

	(void)state;
	assert_int_equal(enrolment_add(&enrolment, &first), 0);
	assert_int_equal(enrolment_add(&enrolment, &second), 0);
	assert_int_equal(enrolment_add(&enrolment, &second), -EEXIST);
	enrolment_put(&text, &enrolment);
	buffer_put_u8(&text, 0);
	assert_string_equal(text.data, "version 1\nkey first 1 4711 1234567 0102 " POINT
	                               "\nkey second 1 4711 1234567 0202 " POINT "\n");
	assert_int_equal(enrolment_parse(&read, (struct bytes){text.data, text.len - 1}), 0);
	assert_int_equal(read.count, 2);
	assert_true(enrolment_same(&enrolment, &read));
	assert_non_null(enrolment_named(&read, "second"));
	assert_ptr_equal(enrolment_find(&read, BYTES(((uint8_t[]){2, 2}))), &read.keys[1]);
	enrolment_remove(&read, "first");
	assert_int_equal(read.count, 1);
	assert_null(enrolment_named(&read, "first"));
	assert_false(enrolment_same(&enrolment, &read));
}

static void use_changes_nothing_of_who_is_let_in(void **state) {
	struct enrolment enrolment = {0};
	char before[DIGEST_HEX], after[DIGEST_HEX];
	const struct enrolled_key key = key_of("key", 1);

	(void)state;
	assert_int_equal(enrolment_add(&enrolment, &key), 0);
	assert_int_equal(enrolment_digest(before, &enrolment), 0);
	enrolment.keys[0].counter++;
	assert_int_equal(enrolment_digest(after, &enrolment), 0);
	assert_string_equal(before, after);
	enrolment.keys[0].point[0] ^= 1;
	assert_int_equal(enrolment_digest(after, &enrolment), 0);
	assert_string_not_equal(before, after);
}

static void anything_else_is_no_enrolment(void **state) {
	static const char *const wrong[] = {
		"",
		"version 1",
		"version 2\n",
		"version 1\nkey\n",
		"version 1\nkey a 1 0 0 01 " POINT,
		"version 1\nkey a 1 0 0  " POINT "\n",
		"version 1\nkey a 1 0 0 0 " POINT "\n",
		"version 1\nkey a 1 0 0 01 " POINT "00\n",
		"version 1\nkey a 1 0 0 01 00" POINT "\n",
		"version 1\nkey a 2 0 0 01 " POINT "\n",
		"version 1\nkey a 1 4294967296 0 01 " POINT "\n",
		"version 1\nkey a 1 01 0 01 " POINT "\n",
		"version 1\nkey a 1 -1 0 01 " POINT "\n",
		"version 1\nkey a/b 1 0 0 01 " POINT "\n",
		"version 1\nkey  1 0 0 01 " POINT "\n",
		"version 1\nkay a 1 0 0 01 " POINT "\n",
		"version 1\nkey a 1 0 0 01 " POINT "\nkey a 1 0 0 02 " POINT "\n",
		"version 1\nkey a 1 0 0 01 " POINT "\nkey b 1 0 0 01 " POINT "\n",
		"version 1\nkey abcdefghijklmnopqrstuvwxyz1234567 1 0 0 01 " POINT "\n",
		"version 1\nkey a 1 0 0 01 0" POINT "\n",
	};
	struct enrolment enrolment = {.count = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(enrolment_parse(&enrolment, bytes_of_text(wrong[i])), -EBADMSG);
	assert_int_equal(enrolment.count, 7);
	assert_int_equal(enrolment_parse(&enrolment, bytes_of_text("version 1\n")), 0);
	assert_int_equal(enrolment.count, 0);
}

static void its_file_is_private(void **state) {
	char directory[] = "/tmp/enrolment-XXXXXX";
	CLEANUP(close_fd) int fd = -1;
	struct enrolment enrolment = {0}, read = {0};
	const struct enrolled_key key = key_of("key", 1);
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY);
	assert_int_equal(enrolment_load(&read, fd), -ENOENT);
	assert_int_equal(enrolment_add(&enrolment, &key), 0);
	assert_int_equal(enrolment_save(&enrolment, fd), 0);
	assert_int_equal(fstatat(fd, ENROLMENT_FILE, &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(enrolment_load(&read, fd), 0);
	assert_true(enrolment_same(&enrolment, &read));
	unlinkat(fd, ENROLMENT_FILE, 0);
	rmdir(directory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(use_changes_nothing_of_who_is_let_in),
		cmocka_unit_test(anything_else_is_no_enrolment),
		cmocka_unit_test(its_file_is_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
