/* The file of the YubiKeys' slots, and which answers they accept. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "confirm/otp_slots.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const uint8_t answer[OTP_ANSWER_LEN] = {1, 2, 3}, other[OTP_ANSWER_LEN] = {1, 2, 4};
static const uint8_t challenge[] = {0xca, 0xfe};

static struct otp_slot slot_of(const char *name, enum otp_kind kind, uint32_t serial) {
	struct otp_slot slot = {.kind = kind, .serial = serial, .slot = 2, .added_us = 1234567};

	strcpy(slot.name, name);
	assert_int_equal(otp_slot_expect(&slot, BYTES(challenge), BYTES(answer)), 0);
	return slot;
}

static void only_the_answer_that_is_expected_is_accepted(void **state) {
	struct otp_slot slot = slot_of("a", OTP_TOUCH, 1);
	static const uint8_t next[] = {1};

	(void)state;
	assert_true(otp_slot_accepts(&slot, BYTES(answer)));
	assert_false(otp_slot_accepts(&slot, BYTES(other)));
	assert_false(otp_slot_accepts(&slot, (struct bytes){answer, OTP_ANSWER_LEN - 1}));
	assert_false(otp_slot_accepts(&slot, (struct bytes){0}));
	/* The same answer to another challenge is another one. */
	slot.challenge[0] ^= 1;
	assert_false(otp_slot_accepts(&slot, BYTES(answer)));
	slot.challenge[0] ^= 1;
	assert_int_equal(otp_slot_expect(&slot, BYTES(next), BYTES(other)), 0);
	assert_false(otp_slot_accepts(&slot, BYTES(answer)));
	assert_true(otp_slot_accepts(&slot, BYTES(other)));
	assert_int_equal(otp_slot_expect(&slot, BYTES(next), (struct bytes){answer, 3}), -EINVAL);
	assert_int_equal(otp_slot_expect(&slot, (struct bytes){0}, BYTES(answer)), -EINVAL);
	assert_true(otp_slot_accepts(&slot, BYTES(other)));
}

static void what_is_written_is_read_again(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct otp_slots slots = {.tries = {.failures = 3, .locked_until_us = 77}}, read = {0};
	struct otp_slot first = slot_of("first", OTP_TOUCH, 4711),
			second = slot_of("second", OTP_PIN, 0);

	(void)state;
	second.is_older = true;
	assert_int_equal(otp_slots_add(&slots, &first), 0);
	assert_int_equal(otp_slots_add(&slots, &second), 0);
	assert_int_equal(otp_slots_add(&slots, &second), -EEXIST);
	otp_slots_put(&text, &slots);
	assert_int_equal(otp_slots_parse(&read, buffer_bytes(&text)), 0);
	assert_true(otp_slots_same(&slots, &read));
	assert_int_equal(read.tries.failures, 3);
	assert_true(otp_slots_named(&read, "second")->is_older);
	assert_true(otp_slots_has(&read, OTP_PIN));
	otp_slots_remove(&read, "second");
	assert_false(otp_slots_has(&read, OTP_PIN));
	assert_false(otp_slots_same(&slots, &read));
	/* One slot of one YubiKey says one thing. */
	strcpy(first.name, "again");
	first.kind = OTP_PIN;
	assert_int_equal(otp_slots_add(&read, &first), -EEXIST);
	first.slot = 1;
	assert_int_equal(otp_slots_add(&read, &first), 0);
}

static void use_changes_nothing_of_who_is_let_in(void **state) {
	struct otp_slots slots = {0};
	char before[DIGEST_HEX], after[DIGEST_HEX];
	const struct otp_slot slot = slot_of("a", OTP_TOUCH, 1);

	(void)state;
	assert_int_equal(otp_slots_add(&slots, &slot), 0);
	assert_int_equal(otp_slots_digest(before, &slots), 0);
	assert_int_equal(otp_slot_expect(&slots.slots[0], BYTES(other), BYTES(other)), 0);
	slots.tries.failures++;
	assert_int_equal(otp_slots_digest(after, &slots), 0);
	assert_string_equal(before, after);
	slots.slots[0].slot = 1;
	assert_int_equal(otp_slots_digest(after, &slots), 0);
	assert_string_not_equal(before, after);
}

#define HEAD "version 1\ntries 0 0\n"

static void anything_else_is_no_file_of_slots(void **state) {
	static const char *const wrong[] = {
		"",
		"version 1\n",
		"version 2\ntries 0 0\n",
		"version 1\ntries 0 0",
		"version 1\ntries 0\n",
		"version 1\ntries -1 0\n",
		"version 1\ntries 0 0 0\n",
		"version 1\nslot a touch 1 2 rolled 0 00 " DIGEST "\n",
		HEAD "tries 0 0\n",
		HEAD "slot a touch 1 2 rolled 0 00 " DIGEST,
		HEAD "slot a touch 1 2 rolled 0  " DIGEST "\n",
		HEAD "slot a touch 1 2 rolled 0 0 " DIGEST "\n",
		HEAD "slot a touch 1 3 rolled 0 00 " DIGEST "\n",
		HEAD "slot a touch 1 0 rolled 0 00 " DIGEST "\n",
		HEAD "slot a touch 4294967296 2 rolled 0 00 " DIGEST "\n",
		HEAD "slot a torch 1 2 rolled 0 00 " DIGEST "\n",
		HEAD "slot a touch 1 2 newer 0 00 " DIGEST "\n",
		HEAD "slot a touch 1 2 rolled x 00 " DIGEST "\n",
		HEAD "slot a touch 1 2 rolled 0 00 " DIGEST "00\n",
		HEAD "slot a touch 1 2 rolled 0 00 0011\n",
		HEAD "slot a/b touch 1 2 rolled 0 00 " DIGEST "\n",
		HEAD "slot a touch 1 2 rolled 0 00 " DIGEST "\nslot b pin 1 2 rolled 0 00 " DIGEST
		     "\n",
	};
	struct otp_slots slots = {.count = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(otp_slots_parse(&slots, bytes_of_text(wrong[i])), -EBADMSG);
	assert_int_equal(slots.count, 7);
	assert_int_equal(otp_slots_parse(&slots, bytes_of_text(HEAD)), 0);
	assert_int_equal(slots.count, 0);
	assert_int_equal(
		otp_slots_parse(&slots,
	                        bytes_of_text(HEAD "slot a touch 1 2 rolled 0 00 " DIGEST "\n")),
		0);
}

static void a_file_that_others_can_open_or_that_is_a_link_is_not_read(void **state) {
	char directory[] = "/tmp/otp-XXXXXX";
	CLEANUP(close_fd) int fd = -1;
	struct otp_slots read = {.count = 7};

	(void)state;
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY);
	assert_int_equal(otp_slots_load(&read, fd), -ENOENT);
	assert_int_equal(file_replace_durably(fd, OTP_FILE, bytes_of_text(HEAD)), 0);
	assert_int_equal(fchmodat(fd, OTP_FILE, 0640, 0), 0);
	assert_int_equal(otp_slots_load(&read, fd), -EACCES);
	assert_int_equal(fchmodat(fd, OTP_FILE, 0620, 0), 0);
	assert_int_equal(otp_slots_load(&read, fd), -EACCES);
	assert_int_equal(fchmodat(fd, OTP_FILE, 0600, 0), 0);
	assert_int_equal(renameat(fd, OTP_FILE, fd, "real"), 0);
	assert_int_equal(symlinkat("real", fd, OTP_FILE), 0);
	assert_int_equal(otp_slots_load(&read, fd), -ELOOP);
	assert_int_equal(read.count, 7);
	/* Written through no link: it takes its place. */
	assert_int_equal(file_replace_durably(fd, OTP_FILE, bytes_of_text(HEAD)), 0);
	assert_int_equal(otp_slots_load(&read, fd), 0);
	assert_int_equal(read.count, 0);
	unlinkat(fd, OTP_FILE, 0);
	unlinkat(fd, "real", 0);
	rmdir(directory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_answer_that_is_expected_is_accepted),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(use_changes_nothing_of_who_is_let_in),
		cmocka_unit_test(anything_else_is_no_file_of_slots),
		cmocka_unit_test(a_file_that_others_can_open_or_that_is_a_link_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
