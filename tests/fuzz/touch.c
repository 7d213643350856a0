/* What the guard reads about security keys: its helper's replies, the file of those enrolled, and
 * an assertion; and what the helper reads of the guard. */
#include <stdlib.h>

#include "confirm/touch_message.h"

static const uint8_t challenge[CHALLENGE_LEN], point[POINT_LEN];

/* What was read is written in one way only, and read again. */
static void check_enrolment(struct bytes input) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct enrolment enrolment, again;

	if (enrolment_parse(&enrolment, input) < 0)
		return;
	enrolment_put(&text, &enrolment);
	if (enrolment_parse(&again, buffer_bytes(&text)) < 0 || !enrolment_same(&enrolment, &again))
		abort();
}

static void check_reply(struct bytes input) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct touch_reply reply;

	if (touch_reply_parse(&reply, input) < 0)
		return;
	touch_reply_put(&message, &reply);
	if (!bytes_equal(buffer_bytes(&message), input))
		abort();
}

static void check_request(struct bytes input) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct touch_request request;

	if (touch_request_parse(&request, input) < 0)
		return;
	touch_request_put(&message, &request);
	buffer_put_string(&message, request.pin);
	if (!bytes_equal(buffer_bytes(&message), input))
		abort();
}

/* Nobody can sign for what is no key. */
static void check_assertion(struct bytes input) {
	size_t len = input.len < AUTH_DATA_LEN ? input.len : AUTH_DATA_LEN;
	const struct assertion assertion = {{input.data, len}, {input.data + len, input.len - len}};
	const struct assertion_demand demand = {challenge, point, false, 0};
	uint32_t counter;

	if (assertion_check(&counter, &assertion, &demand) == ASSERTION_GOOD)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = {data, size};

	check_enrolment(input);
	check_reply(input);
	check_request(input);
	if (size > 0)
		check_assertion(input);
	return 0;
}
