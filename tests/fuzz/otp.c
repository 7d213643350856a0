/* What the guard reads about OTP slots: its helper's replies, the file of those enrolled, and the
 * older one's; what the helper reads of the guard, and of the programs that it runs. */
#include <stdlib.h>

#include "confirm/otp_message.h"
#include "confirm/otp_older.h"
#include "confirm/otp_programs.h"

/* What was read is written in one way only, and read again. */
static void check_file(struct bytes input) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct otp_slots slots, again;

	if (otp_slots_parse(&slots, input) < 0)
		return;
	otp_slots_put(&text, &slots);
	if (otp_slots_parse(&again, buffer_bytes(&text)) < 0 || !otp_slots_same(&slots, &again))
		abort();
}

static void check_messages(struct bytes input) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct otp_request request;
	struct otp_reply reply;
	struct otp_ask ask;

	if (otp_reply_parse(&reply, input) == 0) {
		otp_reply_put(&message, &reply);
		if (!bytes_equal(buffer_bytes(&message), input))
			abort();
	}
	buffer_clear(&message);
	if (otp_request_parse(&request, input) == 0) {
		otp_request_put(&message, &request);
		buffer_put_string(&message, request.pin);
		if (!bytes_equal(buffer_bytes(&message), input))
			abort();
	}
	buffer_clear(&message);
	if (otp_ask_parse(&ask, input) == 0) {
		otp_ask_put(&message, &ask);
		if (!bytes_equal(buffer_bytes(&message), input))
			abort();
	}
}

static void check_programs(struct bytes input) {
	uint8_t answer[OTP_ANSWER_LEN];
	struct otp_key key;

	if (otp_key_parse(&key, input) == 0 && key.serial == 0)
		abort();
	if (otp_answer_parse(answer, input) == 0 && input.len != 2 * OTP_ANSWER_LEN + 1)
		abort();
	if (otp_trouble_of(input) > OTP_TROUBLE_ACCESS)
		abort();
}

/* The name up to the first NUL, and what is in the file behind it. */
static void check_older(struct bytes input) {
	static const struct confirm_older older = {"deadbeef", 2, 1};
	const uint8_t *end = input.len > 0 ? memchr(input.data, 0, input.len) : NULL;
	struct otp_slot slot;
	struct bytes text;
	int error;

	if (end == NULL)
		return;
	text = (struct bytes){end + 1, input.len - (size_t)(end + 1 - input.data)};
	if (otp_older_parse(&slot, &error, (const char *)input.data, text, &older, 0) &&
	    error == 0 && (slot.slot < 1 || slot.slot > 2 || !key_name_is_fit(slot.name)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = {data, size};

	check_file(input);
	check_messages(input);
	check_programs(input);
	check_older(input);
	return 0;
}
