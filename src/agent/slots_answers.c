/* What the helper says, as it asks a slot: which YubiKey it has found, what that answered, why it
 * did not, and what a person is to do meanwhile. Whoever asked hears what comes of it; it is no yes
 * yet, which takes the file (slots.c). */
#include "agent/slots_parts.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/clock.h"

/* ---- what is asked ---- */

static bool send_ask(struct slots *slots, enum otp_form form, struct bytes challenge) {
	CLEANUP(buffer_deinit) struct buffer message = {0};

	otp_ask_put(&message, &(struct otp_ask){form, challenge});
	return buffer_error(&message) == 0 &&
	       helper_send(slots->helper, buffer_bytes(&message), NULL) == 0;
}

/* With a challenge that was never asked before. */
static bool ask_next(struct slots *slots, enum slots_stage stage) {
	slots->stage = stage;
	return getentropy(slots->challenge, sizeof(slots->challenge)) == 0 &&
	       send_ask(slots, slots->kind == OTP_PIN ? OTP_FORM_PIN : OTP_FORM_PLAIN,
	                BYTES(slots->challenge));
}

bool slots_ask_expected(struct slots *slots) {
	const struct otp_slot *slot = &slots->enrolled.slots[slots->found];
	enum otp_form form = slots->kind != OTP_PIN ? OTP_FORM_PLAIN
	                     : slot->is_older       ? OTP_FORM_OLDER
	                                            : OTP_FORM_PIN;

	return send_ask(slots, form, (struct bytes){slot->challenge, slot->challenge_len});
}

/* Back to the beginning, whatever had been answered: the YubiKey may be another one now. */
static bool found(struct slots *slots, const struct otp_reply *reply) {
	/* It was not asked for anything yet, and has found another one. */
	if (slots->storing != NULL)
		return false;
	slots->serial = reply->serial;
	if (slots->stage == STAGE_MAKES)
		return ask_next(slots, STAGE_MAKES);
	slots->found = slots->wanted[reply->index];
	slots->stage = STAGE_PROVES;
	if (slots->kind != OTP_PIN || slots->is_counted)
		return slots_ask_expected(slots);
	/* A try that the disk does not keep in mind, whatever becomes of the machine, would be one
	 * too many: the YubiKey is asked once it is there. It stays counted also where no answer
	 * comes, because what kept that from coming may be whoever guesses. */
	pin_count(&slots->enrolled.tries, clock_real_us());
	slots->is_counted = true;
	slots_store_try(slots);
	return true;
}

/* ---- what it answers ---- */

static void wrong_pin(struct slots *slots) {
	struct asker *asker = slots->asker;
	const struct pin *tries = &slots->enrolled.tries;
	bool locked = slots_pin_is_locked(slots);
	char text[128], until[CLOCK_STAMP_SIZE];

	if (locked) {
		clock_stamp(until, tries->locked_until_us);
		snprintf(text, sizeof(text), "wrong PIN for the YubiKey; it is locked until %s",
		         until);
	} else {
		snprintf(text, sizeof(text), "wrong PIN for the YubiKey; %u more and it is locked",
		         PIN_TRIES - tries->failures);
	}
	guard_note(asker->guard, locked ? "pin-locked" : "pin-wrong", NULL, text);
	slots_fail(slots, text);
	if (locked)
		asker_pin_is_locked(asker, CONFIRM_OTP_PIN);
}

static void wrong(struct slots *slots) {
	char detail[192];

	if (slots->kind == OTP_PIN) {
		wrong_pin(slots);
		return;
	}
	snprintf(detail, sizeof(detail),
	         "what slot %u of the YubiKey %u answered is not used: it is not the answer that "
	         "is expected (was the slot programmed anew?)",
	         slots->enrolled.slots[slots->found].slot, slots->serial);
	guard_note(slots->asker->guard, "otp-refused", NULL, detail);
	slots_fail(slots, detail);
	if (slots->has_prompt)
		slots_give_up(slots, LACK_INVALID, "otp-invalid");
}

static void proved(struct slots *slots) {
	/* Whatever becomes of the other answer, the PIN was right; the file hears of it with that
	 * one. */
	if (slots->kind == OTP_PIN)
		pin_was_right(&slots->enrolled.tries);
	if (!ask_next(slots, STAGE_ROLLS))
		slots_lost(slots);
}

/* Both answers are there: what is expected from now on is written, and only then it is a yes. */
static void rolled(struct slots *slots, struct bytes answer) {
	struct otp_slot *slot;

	slots->next = slots->enrolled;
	slot = &slots->next.slots[slots->found];
	slot->is_older = false;
	slot->serial = slots->serial;
	if (otp_slot_expect(slot, BYTES(slots->challenge), answer) < 0 || slots_store(slots) < 0) {
		slots_lost(slots);
		return;
	}
	slots->is_right = true;
	slots_call_off(slots);
}

static void answered(struct slots *slots, struct bytes answer) {
	switch (slots->stage) {
	case STAGE_PROVES:
		if (otp_slot_accepts(&slots->enrolled.slots[slots->found], answer))
			proved(slots);
		else
			wrong(slots);
		break;
	case STAGE_ROLLS: rolled(slots, answer); break;
	case STAGE_MAKES: slots_change_made(slots, answer); break;
	}
}

/* ---- why it does not ---- */

/* Nothing helps against these but what somebody does first. */
static bool is_for_good(enum otp_failure failure) {
	return failure == OTP_MISSING || failure == OTP_UNSAFE || failure == OTP_NOT_RESPONSE ||
	       failure == OTP_TOUCHLESS || failure == OTP_WANTS_TOUCH;
}

/* Where a PIN was typed and nothing could check it: another method of the list may say yes. */
static enum turn_lack lack_of_failure(enum otp_failure failure) {
	switch (failure) {
	case OTP_ABSENT:
	case OTP_STRANGE: return LACK_NO_KEY;
	case OTP_PULLED: return LACK_KEY_REMOVED;
	case OTP_EMPTY:
	case OTP_SERIALLESS:
	case OTP_FORBIDDEN: return LACK_KEY_UNUSABLE;
	case OTP_BROKEN:
	case OTP_MISSING:
	case OTP_UNSAFE:
	case OTP_NOT_RESPONSE:
	case OTP_TOUCHLESS:
	case OTP_WANTS_TOUCH: return LACK_FAILED;
	case OTP_SILENT: return LACK_NONE; /* it is there, and may answer the next time */
	}
	return LACK_FAILED;
}

/* The last one of its list stays, so that the PIN can be typed again. */
static void leave_pin_to_next(struct slots *slots, enum otp_failure failure) {
	enum turn_lack lack = lack_of_failure(failure);

	if (slots->has_prompt && lack != LACK_NONE)
		broker_lack_of(slots->asker->broker, slots->prompt, CONFIRM_OTP_PIN, lack);
}

static void failed(struct slots *slots, enum otp_failure failure) {
	const char *text = otp_failure_text(failure);
	struct showing *showing = slots_showing(slots);
	bool was_called = slots->call != 0;

	if (slots->change == SLOTS_CHANGE_NONE) {
		slots_set_words(slots, text);
		if (is_for_good(failure))
			guard_note(slots->asker->guard, "otp-failed", NULL, text);
	}
	slots_fail(slots, text);
	if (was_called)
		leave_pin_to_next(slots, failure);
	if (was_called || showing == NULL)
		return;
	if (is_for_good(failure) || ++showing->slot_tries == SLOT_TRIES)
		slots_give_up(slots, LACK_FAILED, "otp-failed");
}

/* ---- what goes on ---- */

static const char once_more[] =
	"touch it once more: the next answer is taken down, so that this one is worth nothing";

/* What holds for the prompt that is asked for a touch holds for those behind it as well. */
static void set_lack(struct slots *slots, enum turn_lack lack) {
	slots->lack = lack;
	broker_lack(slots->asker->broker, CONFIRM_OTP, lack);
}

static enum turn_lack lack_of(enum otp_note note) {
	switch (note) {
	case OTP_NOTE_NO_KEY:
	case OTP_NOTE_NOT_OURS: return LACK_NO_KEY;
	case OTP_NOTE_GONE: return LACK_KEY_REMOVED;
	case OTP_NOTE_NO_SERIAL:
	case OTP_NOTE_EMPTY:
	case OTP_NOTE_BUSY:
	case OTP_NOTE_NO_ACCESS: return LACK_KEY_UNUSABLE;
	case OTP_NOTE_TOUCH:
	case OTP_NOTE_NO_TOUCH: return LACK_NONE;
	}
	return LACK_KEY_UNUSABLE;
}

/* What goes on is shown; of a slot that is being enrolled, nobody sees it. */
static void noted(struct slots *slots, enum otp_note note) {
	if (slots->change == SLOTS_CHANGE_NONE) {
		slots_set_words(slots, note == OTP_NOTE_TOUCH && slots->stage == STAGE_ROLLS
		                               ? once_more
		                               : otp_note_text(note));
		if (slots->live != 0 && slots->kind == OTP_TOUCH)
			set_lack(slots, lack_of(note));
		return;
	}
	switch (note) {
	case OTP_NOTE_NOT_OURS:
	case OTP_NOTE_NO_SERIAL:
	case OTP_NOTE_EMPTY:
	case OTP_NOTE_NO_ACCESS: slots_fail(slots, otp_note_text(note)); break;
	case OTP_NOTE_NO_KEY:
	case OTP_NOTE_GONE:
	case OTP_NOTE_BUSY:
	case OTP_NOTE_TOUCH:
	case OTP_NOTE_NO_TOUCH: break;
	}
}

/* ---- the helper ---- */

bool slots_said(void *data, struct bytes message) {
	struct slots *slots = data;
	struct otp_reply reply;

	if (otp_reply_parse(&reply, message) < 0)
		return false;
	/* An answer that nobody asked for, or a slot that nobody wants. */
	if ((reply.kind == OTP_FOUND && reply.index >= slots->n_wanted) ||
	    (reply.kind == OTP_ANSWER && slots->serial == 0))
		return false;
	switch (reply.kind) {
	case OTP_NOTE: noted(slots, reply.note); break;
	case OTP_FOUND: return found(slots, &reply);
	case OTP_ANSWER: answered(slots, reply.answer); break;
	case OTP_FAILED: failed(slots, reply.failure); break;
	}
	return true;
}

void slots_lost(void *data) {
	failed(data, OTP_BROKEN);
}
