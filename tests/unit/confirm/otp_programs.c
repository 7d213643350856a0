/* What ykinfo and ykchalresp say. */
#include "unit.h"

#include <errno.h>

#include "confirm/otp_programs.h"

static void a_yubikey_is_read(void **state) {
	struct otp_key key;

	(void)state;
	assert_int_equal(otp_key_parse(&key, bytes_of_text("4711\n0\n1\n")), 0);
	assert_int_equal(key.serial, 4711);
	assert_false(key.has_slot[1]);
	assert_true(key.has_slot[2]);
	/* As %d prints the highest of 32 bits. */
	assert_int_equal(otp_key_parse(&key, bytes_of_text("-1\n1\n1\n")), 0);
	assert_int_equal(key.serial, UINT32_MAX);
}

static void what_makes_no_sense_is_no_yubikey(void **state) {
	static const char *const wrong[] = {"",
	                                    "\n",
	                                    "0\n1\n1\n",
	                                    "4711",
	                                    "4711\n1\n1",
	                                    "4711\n1\n",
	                                    "4711\n1\n1\n1\n",
	                                    "x\n1\n1\n",
	                                    "--1\n1\n1\n",
	                                    "4294967296\n1\n1\n",
	                                    "serial: 1\n1\n1\n"};
	struct otp_key key = {.serial = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(otp_key_parse(&key, bytes_of_text(wrong[i])), -EBADMSG);
	assert_int_equal(key.serial, 7);
}

static void an_answer_is_forty_digits(void **state) {
	uint8_t answer[OTP_ANSWER_LEN] = {9};
	static const char *const wrong[] = {"",
	                                    "\n",
	                                    "000102030405060708090a0b0c0d0e0f10111213",
	                                    "000102030405060708090a0b0c0d0e0f1011121\n",
	                                    "000102030405060708090a0b0c0d0e0f101112134\n",
	                                    "000102030405060708090a0b0c0d0e0f1011121g\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(otp_answer_parse(answer, bytes_of_text(wrong[i])), -EBADMSG);
	assert_int_equal(answer[0], 9);
	assert_int_equal(
		otp_answer_parse(answer,
	                         bytes_of_text("000102030405060708090a0b0c0d0e0f10111213\n")),
		0);
	assert_int_equal(answer[19], 0x13);
}

static void what_goes_wrong_is_told_apart(void **state) {
	static const struct {
		const char *text;
		enum otp_trouble trouble;
	} rows[] = {
		{"Yubikey core error: no yubikey present\n", OTP_TROUBLE_NO_KEY},
		{"Yubikey core error: operation would block\n", OTP_TROUBLE_WANTS_TOUCH},
		{"Yubikey core error: timeout\n", OTP_TROUBLE_TIMEOUT},
		{"USB error: No such device (it may have been disconnected)\n", OTP_TROUBLE_GONE},
		{"USB error: Input/output error\n", OTP_TROUBLE_GONE},
		{"USB error: Access denied (insufficient permissions)\n", OTP_TROUBLE_ACCESS},
		{"USB error: Resource busy\n", OTP_TROUBLE_BUSY},
		{"Yubikey core error: out of memory\n", OTP_TROUBLE_OTHER},
		{"", OTP_TROUBLE_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(otp_trouble_of(bytes_of_text(rows[i].text)), rows[i].trouble);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yubikey_is_read),
		cmocka_unit_test(what_makes_no_sense_is_no_yubikey),
		cmocka_unit_test(an_answer_is_forty_digits),
		cmocka_unit_test(what_goes_wrong_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
