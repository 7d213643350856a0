/* What the guard and its helper for OTP slots say to each other. */
#include "unit.h"

#include <errno.h>

#include "confirm/otp_message.h"

static void a_request_arrives_as_it_was_sent(void **state) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct otp_request request = {
		.kind = OTP_PIN, .wanted = {{4711, 1}, {0, 2}}, .n_wanted = 2};
	struct otp_request read;

	(void)state;
	otp_request_put(&message, &request);
	buffer_put_string(&message, bytes_of_text("1234"));
	assert_int_equal(otp_request_parse(&read, buffer_bytes(&message)), 0);
	assert_int_equal(read.n_wanted, 2);
	assert_int_equal(read.wanted[0].serial, 4711);
	assert_int_equal(read.wanted[1].slot, 2);
	assert_true(bytes_equal_text(read.pin, "1234"));
	/* A PIN is for a slot that takes one, and none is for no other. */
	message.data[0] = OTP_TOUCH;
	assert_int_equal(otp_request_parse(&read, buffer_bytes(&message)), -EBADMSG);
	message.data[0] = OTP_KIND_COUNT;
	assert_int_equal(otp_request_parse(&read, buffer_bytes(&message)), -EBADMSG);
	message.data[0] = OTP_PIN;
	message.data[9] = 3; /* a third slot */
	assert_int_equal(otp_request_parse(&read, buffer_bytes(&message)), -EBADMSG);
	assert_int_equal(otp_request_parse(&read, (struct bytes){message.data, message.len - 1}),
	                 -EBADMSG);
}

static void a_challenge_has_one_to_sixty_four_bytes(void **state) {
	static const uint8_t bytes[OTP_CHALLENGE_MAX + 1] = {1};
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct otp_ask ask;

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		bool is_fit = len > 0 && len <= OTP_CHALLENGE_MAX;

		buffer_clear(&message);
		otp_ask_put(&message, &(struct otp_ask){OTP_FORM_OLDER, {bytes, len}});
		assert_int_equal(otp_ask_parse(&ask, buffer_bytes(&message)),
		                 is_fit ? 0 : -EBADMSG);
	}
	assert_int_equal(otp_ask_parse(&ask, (struct bytes){0}), -EBADMSG);
}

static void replies_arrive_and_others_are_refused(void **state) {
	static const uint8_t answer[OTP_ANSWER_LEN] = {7};
	const struct otp_reply replies[] = {
		{.kind = OTP_NOTE, .note = OTP_NOTE_NO_TOUCH},
		{.kind = OTP_FAILED, .failure = OTP_FORBIDDEN},
		{.kind = OTP_FOUND, .index = 15, .serial = 1},
		{.kind = OTP_ANSWER, .answer = BYTES(answer)},
	};
	static const uint8_t wrong[][8] = {{OTP_NOTE, OTP_NOTE_COUNT},
	                                   {OTP_FAILED, OTP_FAILURE_COUNT},
	                                   {OTP_FAILED + 1, 0},
	                                   {OTP_ANSWER, 1}};
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct otp_reply read;

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		buffer_clear(&message);
		otp_reply_put(&message, &replies[i]);
		assert_int_equal(otp_reply_parse(&read, buffer_bytes(&message)), 0);
		assert_int_equal(read.kind, replies[i].kind);
		buffer_put_u8(&message, 0);
		assert_int_equal(otp_reply_parse(&read, buffer_bytes(&message)), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(otp_reply_parse(&read, (struct bytes){wrong[i], 2}), -EBADMSG);
	buffer_clear(&message);
	otp_reply_put(&message, &(struct otp_reply){.kind = OTP_FOUND, .index = 0, .serial = 0});
	assert_int_equal(otp_reply_parse(&read, buffer_bytes(&message)), -EBADMSG);
}

static void each_trouble_has_words_of_its_own(void **state) {
	(void)state;
	for (int i = 0; i < OTP_NOTE_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(otp_note_text((enum otp_note)i),
			                        otp_note_text((enum otp_note)j));
	for (int i = 0; i < OTP_FAILURE_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(otp_failure_text((enum otp_failure)i),
			                        otp_failure_text((enum otp_failure)j));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_arrives_as_it_was_sent),
		cmocka_unit_test(a_challenge_has_one_to_sixty_four_bytes),
		cmocka_unit_test(replies_arrive_and_others_are_refused),
		cmocka_unit_test(each_trouble_has_words_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
