#include "confirm/touch_message.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

const char *touch_failure_text(enum touch_failure failure) {
	switch (failure) {
	case TOUCH_BROKEN: return "the security key, or the way to it, does not work";
	case TOUCH_WRONG_PIN: return "wrong PIN of the security key";
	case TOUCH_PIN_PAUSED:
		return "the PIN was wrong too often; pull the security key out and plug it in "
		       "again, then there are more tries";
	case TOUCH_PIN_BLOCKED:
		return "the PIN of the security key is blocked for good; it must be reset, and "
		       "enrolled anew";
	case TOUCH_PIN_NOT_SET:
		return "the security key has no PIN (set one, say with fido2-token -S)";
	case TOUCH_PIN_WANTED: return "the security key wants its PIN";
	case TOUCH_REFUSED: return "it was declined on the security key";
	case TOUCH_REMOVED: return "the security key was pulled out";
	case TOUCH_SEVERAL:
		return "several security keys are plugged in; leave only the one whose PIN it is";
	case TOUCH_ENROLLED: return "this security key is enrolled already";
	case TOUCH_NOT_OURS: return "this security key is not enrolled";
	case TOUCH_FULL: return "the security key has no room";
	case TOUCH_NO_KEY: return touch_note_text(TOUCH_NOTE_NO_KEY);
	}
	return "invalid";
}

const char *touch_note_text(enum touch_note note) {
	switch (note) {
	case TOUCH_NOTE_NO_KEY: return "no enrolled security key is plugged in; plug one in";
	case TOUCH_NOTE_READY: return "touch the security key to say yes";
	case TOUCH_NOTE_GONE: return "the security key was pulled out; plug it in again";
	case TOUCH_NOTE_NO_USE:
		return "a security key is plugged in, and cannot be used: another program has it, "
		       "this account may not open it, or it makes no sense";
	case TOUCH_NOTE_HOLDS: break;
	}
	return "invalid";
}

/* ---- requests ---- */

void touch_request_put(struct buffer *message, const struct touch_request *request) {
	buffer_put_u8(message, (uint8_t)request->task);
	buffer_put_raw(message, BYTES(request->challenge));
	buffer_put_u32(message, (uint32_t)request->n_credentials);
	for (size_t i = 0; i < request->n_credentials; i++)
		buffer_put_string(message, request->credentials[i]);
}

int touch_request_parse(struct touch_request *ret, struct bytes message) {
	struct cursor cursor = cursor_over(message);
	struct touch_request request = {0};
	uint8_t task = cursor_u8(&cursor);
	struct bytes challenge = cursor_raw(&cursor, CHALLENGE_LEN);
	uint32_t count = cursor_u32(&cursor);

	if (cursor_check(&cursor) < 0 || task > TOUCH_MAKE || count > ENROLLED_MAX)
		return -EBADMSG;
	request.task = (enum touch_task)task;
	memcpy(request.challenge, challenge.data, CHALLENGE_LEN);
	for (uint32_t i = 0; i < count; i++) {
		struct bytes id = cursor_string(&cursor);

		if (id.len == 0 || id.len > CREDENTIAL_LEN_MAX)
			return -EBADMSG;
		request.credentials[request.n_credentials++] = id;
	}
	request.pin = cursor_string(&cursor);
	if (cursor_finish(&cursor) < 0 || request.pin.len > KEY_PIN_LEN_MAX ||
	    (request.pin.len > 0 && memchr(request.pin.data, 0, request.pin.len) != NULL))
		return -EBADMSG;
	*ret = request;
	return 0;
}

/* ---- replies ---- */

void touch_reply_put(struct buffer *message, const struct touch_reply *reply) {
	buffer_put_u8(message, (uint8_t)reply->kind);
	switch (reply->kind) {
	case TOUCH_NOTE: buffer_put_u8(message, (uint8_t)reply->note); break;
	case TOUCH_FAILED:
		buffer_put_u8(message, (uint8_t)reply->failure);
		buffer_put_u32(message, reply->retries);
		break;
	case TOUCH_SIGNED:
		buffer_put_string(message, reply->id);
		buffer_put_string(message, reply->auth_data);
		buffer_put_string(message, reply->signature);
		break;
	case TOUCH_MADE:
		buffer_put_string(message, reply->id);
		buffer_put_string(message, reply->point);
		buffer_put_u8(message, reply->verified);
		buffer_put_string(message, reply->product);
		break;
	}
}

static bool is_credential(struct bytes id) {
	return id.len > 0 && id.len <= CREDENTIAL_LEN_MAX;
}

static bool read_made(struct touch_reply *reply, struct cursor *cursor) {
	uint8_t verified;

	reply->id = cursor_string(cursor);
	reply->point = cursor_string(cursor);
	verified = cursor_u8(cursor);
	reply->product = cursor_string(cursor);
	reply->verified = verified == 1;
	return is_credential(reply->id) && reply->point.len == POINT_LEN && verified <= 1 &&
	       reply->product.len <= PRODUCT_LEN_MAX;
}

static bool read_body(struct touch_reply *reply, struct cursor *cursor) {
	uint8_t word;

	switch (reply->kind) {
	case TOUCH_NOTE:
		word = cursor_u8(cursor);
		reply->note = (enum touch_note)word;
		return word < TOUCH_NOTE_COUNT;
	case TOUCH_FAILED:
		word = cursor_u8(cursor);
		reply->failure = (enum touch_failure)word;
		reply->retries = cursor_u32(cursor);
		return word < TOUCH_FAILURE_COUNT;
	case TOUCH_SIGNED:
		reply->id = cursor_string(cursor);
		reply->auth_data = cursor_string(cursor);
		reply->signature = cursor_string(cursor);
		return is_credential(reply->id);
	case TOUCH_MADE: return read_made(reply, cursor);
	}
	return false;
}

int touch_reply_parse(struct touch_reply *ret, struct bytes message) {
	struct cursor cursor = cursor_over(message);
	struct touch_reply reply = {0};
	uint8_t kind = cursor_u8(&cursor);

	if (message.len > TOUCH_REPLY_MAX || kind > TOUCH_FAILED)
		return -EBADMSG;
	reply.kind = (enum touch_reply_kind)kind;
	if (!read_body(&reply, &cursor) || cursor_finish(&cursor) < 0)
		return -EBADMSG;
	*ret = reply;
	return 0;
}
