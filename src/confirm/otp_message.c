#include "confirm/otp_message.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

const char *otp_failure_text(enum otp_failure failure) {
	switch (failure) {
	case OTP_BROKEN: return "the YubiKey, or the way to it, does not work";
	case OTP_MISSING:
		return "ykinfo or ykchalresp is missing (install yubikey-personalization)";
	case OTP_UNSAFE:
		return "ykinfo or ykchalresp can be changed by somebody else, so it is not run";
	case OTP_NOT_RESPONSE:
		return "that slot of the YubiKey is not set up for challenge-response "
		       "(ykman otp chalresp)";
	case OTP_TOUCHLESS:
		return "that slot of the YubiKey answers without a touch, so it can be no touch's "
		       "(ykman otp chalresp --touch)";
	case OTP_WANTS_TOUCH:
		return "that slot of the YubiKey wants a touch; a PIN's must answer without one";
	case OTP_ABSENT: return otp_note_text(OTP_NOTE_NO_KEY);
	case OTP_STRANGE: return otp_note_text(OTP_NOTE_NOT_OURS);
	case OTP_EMPTY: return otp_note_text(OTP_NOTE_EMPTY);
	case OTP_PULLED: return otp_note_text(OTP_NOTE_GONE);
	case OTP_SILENT: return "the YubiKey did not answer in time";
	case OTP_SERIALLESS: return otp_note_text(OTP_NOTE_NO_SERIAL);
	case OTP_FORBIDDEN: return otp_note_text(OTP_NOTE_NO_ACCESS);
	}
	return "invalid";
}

const char *otp_note_text(enum otp_note note) {
	switch (note) {
	case OTP_NOTE_NO_KEY: return "no YubiKey is plugged in; plug it in";
	case OTP_NOTE_NOT_OURS: return "the YubiKey that is plugged in is not enrolled";
	case OTP_NOTE_NO_SERIAL:
		return "the YubiKey does not tell its serial number (ykpersonalize -u "
		       "-o serial-api-visible)";
	case OTP_NOTE_EMPTY: return "the slot that is wanted of the YubiKey is not configured";
	case OTP_NOTE_GONE: return "the YubiKey was pulled out; plug it in again";
	case OTP_NOTE_BUSY: return "another program uses the YubiKey";
	case OTP_NOTE_NO_ACCESS:
		return "this account may not open the YubiKey (udev rules; see the package "
		       "yubikey-personalization)";
	case OTP_NOTE_TOUCH: return "touch the YubiKey to say yes";
	case OTP_NOTE_NO_TOUCH: return "nobody touched the YubiKey in time; touch it now";
	}
	return "invalid";
}

/* ---- requests ---- */

void otp_request_put(struct buffer *message, const struct otp_request *request) {
	buffer_put_u8(message, (uint8_t)request->kind);
	buffer_put_u32(message, (uint32_t)request->n_wanted);
	for (size_t i = 0; i < request->n_wanted; i++) {
		buffer_put_u32(message, request->wanted[i].serial);
		buffer_put_u8(message, request->wanted[i].slot);
	}
}

int otp_request_parse(struct otp_request *ret, struct bytes message) {
	struct cursor cursor = cursor_over(message);
	struct otp_request request = {0};
	uint8_t kind = cursor_u8(&cursor);
	uint32_t count = cursor_u32(&cursor);

	if (cursor_check(&cursor) < 0 || kind >= OTP_KIND_COUNT || count == 0 ||
	    count > OTP_SLOTS_MAX)
		return -EBADMSG;
	request.kind = (enum otp_kind)kind;
	for (uint32_t i = 0; i < count; i++) {
		struct otp_wanted *wanted = &request.wanted[request.n_wanted++];

		wanted->serial = cursor_u32(&cursor);
		wanted->slot = cursor_u8(&cursor);
		if (wanted->slot != 1 && wanted->slot != 2)
			return -EBADMSG;
	}
	request.pin = cursor_string(&cursor);
	if (cursor_finish(&cursor) < 0 || request.pin.len > PIN_LEN_MAX ||
	    (request.kind == OTP_PIN) != (request.pin.len > 0))
		return -EBADMSG;
	*ret = request;
	return 0;
}

void otp_ask_put(struct buffer *message, const struct otp_ask *ask) {
	buffer_put_u8(message, (uint8_t)ask->form);
	buffer_put_string(message, ask->challenge);
}

int otp_ask_parse(struct otp_ask *ret, struct bytes message) {
	struct cursor cursor = cursor_over(message);
	uint8_t form = cursor_u8(&cursor);
	struct bytes challenge = cursor_string(&cursor);

	if (cursor_finish(&cursor) < 0 || form >= OTP_FORM_COUNT || challenge.len == 0 ||
	    challenge.len > OTP_CHALLENGE_MAX)
		return -EBADMSG;
	*ret = (struct otp_ask){(enum otp_form)form, challenge};
	return 0;
}

/* ---- replies ---- */

void otp_reply_put(struct buffer *message, const struct otp_reply *reply) {
	buffer_put_u8(message, (uint8_t)reply->kind);
	switch (reply->kind) {
	case OTP_NOTE: buffer_put_u8(message, (uint8_t)reply->note); break;
	case OTP_FAILED: buffer_put_u8(message, (uint8_t)reply->failure); break;
	case OTP_FOUND:
		buffer_put_u8(message, reply->index);
		buffer_put_u32(message, reply->serial);
		break;
	case OTP_ANSWER: buffer_put_raw(message, reply->answer); break;
	}
}

static bool read_body(struct otp_reply *reply, struct cursor *cursor) {
	uint8_t word;

	switch (reply->kind) {
	case OTP_NOTE:
		word = cursor_u8(cursor);
		reply->note = (enum otp_note)word;
		return word < OTP_NOTE_COUNT;
	case OTP_FAILED:
		word = cursor_u8(cursor);
		reply->failure = (enum otp_failure)word;
		return word < OTP_FAILURE_COUNT;
	case OTP_FOUND:
		reply->index = cursor_u8(cursor);
		reply->serial = cursor_u32(cursor);
		return reply->index < OTP_SLOTS_MAX && reply->serial != 0;
	case OTP_ANSWER: reply->answer = cursor_raw(cursor, OTP_ANSWER_LEN); return true;
	}
	return false;
}

int otp_reply_parse(struct otp_reply *ret, struct bytes message) {
	struct cursor cursor = cursor_over(message);
	struct otp_reply reply = {0};
	uint8_t kind = cursor_u8(&cursor);

	if (message.len > OTP_REPLY_MAX || kind > OTP_FAILED)
		return -EBADMSG;
	reply.kind = (enum otp_reply_kind)kind;
	if (!read_body(&reply, &cursor) || cursor_finish(&cursor) < 0)
		return -EBADMSG;
	*ret = reply;
	return 0;
}
