/* What guard and helper say to each other. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "confirm/touch_message.h"

static const uint8_t id[] = {1, 2, 3};

static void a_request_comes_as_it_was_sent(void **state) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct touch_request request = {.task = TOUCH_MAKE, .n_credentials = 2}, read;

	(void)state;
	request.credentials[0] = request.credentials[1] = BYTES(id);
	request.challenge[31] = 9;
	touch_request_put(&message, &request);
	buffer_put_string(&message, bytes_of_text("1234"));
	assert_int_equal(touch_request_parse(&read, buffer_bytes(&message)), 0);
	assert_int_equal(read.task, TOUCH_MAKE);
	assert_int_equal(read.n_credentials, 2);
	assert_true(bytes_equal(read.credentials[1], BYTES(id)));
	assert_true(bytes_equal_text(read.pin, "1234"));
	assert_memory_equal(read.challenge, request.challenge, CHALLENGE_LEN);
	/* Each shorter one, and a longer one, is none. */
	for (size_t len = 0; len < message.len; len++)
		assert_int_equal(touch_request_parse(&read, (struct bytes){message.data, len}),
		                 -EBADMSG);
	buffer_put_u8(&message, 0);
	assert_int_equal(touch_request_parse(&read, buffer_bytes(&message)), -EBADMSG);
}

static void check_reply(const struct touch_reply *reply) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct touch_reply read = {0};

	touch_reply_put(&message, reply);
	assert_int_equal(touch_reply_parse(&read, buffer_bytes(&message)), 0);
	assert_int_equal(read.kind, reply->kind);
	assert_int_equal(read.note, reply->note);
	assert_int_equal(read.failure, reply->failure);
	assert_int_equal(read.retries, reply->retries);
	assert_true(bytes_equal(read.id, reply->id));
	assert_true(bytes_equal(read.auth_data, reply->auth_data));
	assert_true(bytes_equal(read.signature, reply->signature));
	assert_true(bytes_equal(read.point, reply->point));
	assert_int_equal(read.verified, reply->verified);
	for (size_t len = 0; len < message.len; len++)
		assert_int_equal(touch_reply_parse(&read, (struct bytes){message.data, len}),
		                 -EBADMSG);
	buffer_put_u8(&message, 0);
	assert_int_equal(touch_reply_parse(&read, buffer_bytes(&message)), -EBADMSG);
}

static void a_reply_comes_as_it_was_sent(void **state) {
	static const uint8_t point[POINT_LEN] = {4};

	(void)state;
	check_reply(&(struct touch_reply){.kind = TOUCH_NOTE, .note = TOUCH_NOTE_GONE});
	check_reply(&(struct touch_reply){
		.kind = TOUCH_FAILED, .failure = TOUCH_WRONG_PIN, .retries = 7});
	check_reply(&(struct touch_reply){.kind = TOUCH_SIGNED,
	                                  .id = BYTES(id),
	                                  .auth_data = BYTES(point),
	                                  .signature = BYTES(id)});
	check_reply(&(struct touch_reply){
		.kind = TOUCH_MADE, .id = BYTES(id), .point = BYTES(point), .verified = true});
}

static void what_is_out_of_bounds_is_none(void **state) {
	static const uint8_t kind[] = {4, 0}, note[] = {0, TOUCH_NOTE_COUNT},
			     failure[] = {3, TOUCH_FAILURE_COUNT, 0, 0, 0, 0},
			     no_id[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static uint8_t big[TOUCH_REPLY_MAX + 1];
	struct touch_reply reply = {.retries = 7};

	(void)state;
	assert_int_equal(touch_reply_parse(&reply, BYTES(kind)), -EBADMSG);
	assert_int_equal(touch_reply_parse(&reply, BYTES(note)), -EBADMSG);
	assert_int_equal(touch_reply_parse(&reply, BYTES(failure)), -EBADMSG);
	assert_int_equal(touch_reply_parse(&reply, BYTES(no_id)), -EBADMSG);
	assert_int_equal(touch_reply_parse(&reply, BYTES(big)), -EBADMSG);
	assert_int_equal(reply.retries, 7);
}

static void every_word_is_said_in_words(void **state) {
	(void)state;
	for (int i = 0; i < TOUCH_FAILURE_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(touch_failure_text((enum touch_failure)i),
			                        touch_failure_text((enum touch_failure)j));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_as_it_was_sent),
		cmocka_unit_test(a_reply_comes_as_it_was_sent),
		cmocka_unit_test(what_is_out_of_bounds_is_none),
		cmocka_unit_test(every_word_is_said_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
