/* The files of the older ssh-agent-guard. */
#include "unit.h"

#include <errno.h>

#include "base/hex.h"
#include "confirm/otp_older.h"

#define ANSWER "000102030405060708090a0b0c0d0e0f10111213"

static const struct confirm_older older = {"cafe", 2, 1};

static bool parse(struct otp_slot *ret, int *ret_error, const char *name, const char *text) {
	return otp_older_parse(ret, ret_error, name, bytes_of_text(text), &older, 99);
}

static void an_answer_is_read_with_its_slot_and_challenge(void **state) {
	struct otp_slot slot;
	uint8_t answer[OTP_ANSWER_LEN];
	size_t len;
	int error = 1;

	(void)state;
	assert_int_equal(hex_read(answer, sizeof(answer), &len, bytes_of_text(ANSWER)), 0);
	assert_true(parse(&slot, &error, "4711.response", ANSWER "\n"));
	assert_int_equal(error, 0);
	assert_int_equal(slot.serial, 4711);
	assert_int_equal(slot.kind, OTP_TOUCH);
	assert_int_equal(slot.slot, 2);
	assert_true(slot.is_older);
	assert_string_equal(slot.name, "yubikey-4711");
	assert_memory_equal(slot.challenge, "cafe", 4);
	assert_int_equal(slot.challenge_len, 4);
	assert_true(otp_slot_accepts(&slot, BYTES(answer)));
	assert_true(parse(&slot, &error, "default.response", " " ANSWER " \r\n"));
	assert_int_equal(error, 0);
	assert_int_equal(slot.serial, 0);
	assert_true(parse(&slot, &error, "slot1.response", ANSWER));
	assert_int_equal(error, 0);
	assert_int_equal(slot.kind, OTP_PIN);
	assert_int_equal(slot.slot, 1);
	assert_true(otp_slot_accepts(&slot, BYTES(answer)));
}

static void other_files_are_none_and_wrong_ones_are_told(void **state) {
	static const char *const none[] = {"",
	                                   ".response",
	                                   "denied",
	                                   "x.respons",
	                                   "pin.env",
	                                   "slot2.response",
	                                   "slot.response",
	                                   "-1.response",
	                                   "01.response",
	                                   "4294967296.response",
	                                   "0.response",
	                                   "a.response"};
	static const char *const wrong[] = {"",     "\n",       ANSWER "00",
	                                    "0001", "x" ANSWER, ANSWER " " ANSWER};
	struct otp_slot slot = {.serial = 5};
	int error = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(parse(&slot, &error, none[i], ANSWER));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(parse(&slot, &error, "1.response", wrong[i]));
		assert_int_equal(error, -EBADMSG);
	}
	assert_int_equal(slot.serial, 5);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read_with_its_slot_and_challenge),
		cmocka_unit_test(other_files_are_none_and_wrong_ones_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
