/* What of the OTP slots is enrolled, and who says yes to another: a security key where one is
 * enrolled, because that signs what changes; else the PIN of the account, which whoever began has
 * typed; else a slot. The first of all is let in by nobody. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/slots_parts.h"
#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/secret.h"

static void change_end(struct slots *slots, enum control_result result, const char *text) {
	struct asker *asker = slots->asker;
	slots_agreed *agreed = slots->change == SLOTS_CHANGE_ELSE ? slots->agreed : NULL;

	slots->change = SLOTS_CHANGE_NONE;
	slots->is_agreed = false;
	secret_free(slots->yes_pin, PIN_LEN_MAX + 1);
	slots->yes_pin = NULL;
	proof_unref(TAKE(slots->proof));
	slots_call_off(slots);
	slots_answer_call(slots, result, text);
	if (agreed != NULL)
		agreed(asker, result == CONTROL_OK ? NULL : text);
	touching_look(asker->touching);
	slots_look(slots);
}

void slots_change_failed(struct slots *slots, const char *text) {
	change_end(slots, CONTROL_FAILED, text);
}

/* ---- what is enrolled then ---- */

static int apply(struct otp_slots *ret, const struct slots *slots) {
	*ret = slots->enrolled;
	if (!slots->removes)
		return otp_slots_add(ret, &slots->made);
	otp_slots_remove(ret, slots->name);
	return 0;
}

void slots_change_made(struct slots *slots, struct bytes answer) {
	struct otp_slots next;
	int error;

	slots->made.serial = slots->serial;
	error = otp_slot_expect(&slots->made, BYTES(slots->challenge), answer);
	if (error == 0)
		error = apply(&next, slots);
	if (error < 0) {
		slots_change_failed(slots, error == -EEXIST
		                                   ? "that slot of this YubiKey is enrolled already"
		                                   : otp_failure_text(OTP_BROKEN));
		return;
	}
	/* The yes is asked for once this helper has let go of the YubiKey. */
	slots->change = SLOTS_CHANGE_OWN;
	slots_call_off(slots);
}

void slots_change_stored(struct slots *slots) {
	struct guard *guard = slots->asker->guard;
	char detail[160];
	const struct event event = {
		.real_us = clock_real_us(),
		.trigger = "enrolled",
		.detail = detail,
		.config_sha256 = policy_sha256(guard->policy),
		.proof = slots->proof,
	};

	snprintf(detail, sizeof(detail), "otp %s: %s; slot %u of the YubiKey %u, for %s",
	         slots->name, slots->removes ? "removed" : "added", slots->made.slot,
	         slots->made.serial, slots->made.kind == OTP_PIN ? "a PIN" : "a touch");
	if (guard_event(guard, &event) < 0)
		diag_error("the log cannot be written");
	change_end(slots, CONTROL_OK, "");
}

/* ---- who says yes ---- */

static int ask_security_key(struct slots *slots) {
	char before[DIGEST_HEX], after[DIGEST_HEX];
	struct otp_slots next;
	int error = apply(&next, slots);

	if (error == 0)
		error = otp_slots_digest(before, &slots->enrolled);
	if (error == 0)
		error = otp_slots_digest(after, &next);
	return error < 0 ? error : touching_agree(slots->asker->touching, before, after);
}

static void ask_slot(struct slots *slots, enum otp_kind kind) {
	const char *pin = kind == OTP_PIN && slots->yes_pin != NULL ? slots->yes_pin : "";

	if (kind == OTP_PIN && *pin == '\0')
		slots_change_failed(slots, "it takes the PIN of a YubiKey's slot that is enrolled");
	else if (kind == OTP_PIN && slots_pin_is_locked(slots))
		slots_change_failed(slots,
		                    "the PIN is locked, because it was wrong too often; wait");
	else if (slots_ask(slots, kind, STAGE_PROVES, pin) < 0)
		slots_change_failed(slots, otp_failure_text(OTP_BROKEN));
}

static void agreed(struct slots *slots) {
	slots->is_agreed = true;
	slots_change_goes_on(slots);
}

static void ask_yes(struct slots *slots) {
	slots_start_timer(slots, SLOTS_CHANGE_S);
	if (slots->change == SLOTS_CHANGE_OWN && touching_has_keys(slots->asker->touching)) {
		/* That looks after the time itself. */
		ev_timer_stop(slots->asker->guard->loop, &slots->timer);
		if (ask_security_key(slots) < 0)
			slots_change_failed(slots, touch_failure_text(TOUCH_BROKEN));
	} else if (slots->has_agreed) {
		agreed(slots);
	} else if (slots_can(slots, OTP_TOUCH)) {
		ask_slot(slots, OTP_TOUCH);
	} else if (slots_can(slots, OTP_PIN)) {
		ask_slot(slots, OTP_PIN);
	} else if (slots->asker->pin.hash[0] != '\0') {
		slots_change_failed(slots, "a PIN was set meanwhile; begin again");
	} else {
		agreed(slots);
	}
}

void slots_touched(struct slots *slots, const char *why_not, struct touch_proof *proof) {
	if (slots->change != SLOTS_CHANGE_OWN)
		return;
	if (why_not != NULL) {
		slots_change_failed(slots, why_not);
		return;
	}
	if (proof != NULL)
		slots->proof = proof_ref(proof);
	agreed(slots);
}

void slots_change_agreed(struct slots *slots) {
	/* It goes on once the helper has ended. */
	slots->is_agreed = true;
}

void slots_change_goes_on(struct slots *slots) {
	switch (slots->change) {
	case SLOTS_CHANGE_NONE: return;
	case SLOTS_CHANGE_MAKE: break; /* its answer would have made it another */
	case SLOTS_CHANGE_OWN:
		if (!slots->is_agreed) {
			ask_yes(slots);
			return;
		}
		slots->state = SLOTS_ENDS;
		/* From here on it is done, however long the disk takes. */
		ev_timer_stop(slots->asker->guard->loop, &slots->timer);
		if (apply(&slots->next, slots) == 0 && slots_store(slots) == 0)
			return;
		slots->state = SLOTS_IDLE;
		break;
	case SLOTS_CHANGE_ELSE:
		if (slots->is_agreed)
			change_end(slots, CONTROL_OK, "");
		else
			ask_yes(slots);
		return;
	}
	slots_change_failed(slots, otp_failure_text(OTP_BROKEN));
}

/* ---- how it begins ---- */

static const char *why_no_change(const struct slots *slots) {
	const struct asker *asker = slots->asker;

	if (slots->error < 0)
		return "the file of the YubiKeys cannot be read; see the guard's messages";
	if (slots->change != SLOTS_CHANGE_NONE || touching_is_changing(asker->touching))
		return "what says yes is being changed already";
	if (slots->state != SLOTS_IDLE || asker_touched_prompt(asker) != NULL)
		return "requests wait for a touch; answer them first (ssh-agent-guard pending)";
	return NULL;
}

static const char *change_starts(struct slots *slots, const char *yes_pin, bool has_agreed,
                                 uint64_t call) {
	if (*yes_pin != '\0') {
		slots->yes_pin = secret_new(PIN_LEN_MAX + 1);
		if (slots->yes_pin == NULL)
			return "there is no memory that is never swapped";
		snprintf(slots->yes_pin, PIN_LEN_MAX + 1, "%s", yes_pin);
	}
	slots->has_agreed = has_agreed;
	slots->is_agreed = slots->removes = slots->has_prompt = slots->has_begun = false;
	slots->call = call;
	slots->live = 0;
	slots->words = NULL;
	/* What fails at once is answered as what fails later: in another turn of the loop. */
	slots_start_timer(slots, 0.);
	return NULL;
}

const char *slots_enroll(struct slots *slots, const struct slots_wish *wish, const char *yes_pin,
                         bool has_agreed, uint64_t call) {
	const char *why_not = why_no_change(slots);

	if (why_not != NULL)
		return why_not;
	if (!key_name_is_fit(wish->name))
		return "a name has 1 to 32 letters, digits, '.', '_' and '-'";
	if (asker_is_enrolled(slots->asker, wish->name))
		return "something of that name is enrolled; give another --name";
	if (slots->enrolled.count == OTP_SLOTS_MAX)
		return "no more slots can be enrolled; remove one";
	why_not = change_starts(slots, yes_pin, has_agreed, call);
	if (why_not != NULL)
		return why_not;
	slots->change = SLOTS_CHANGE_MAKE;
	slots->has_begun = true;
	slots_start_timer(slots, SLOTS_CHANGE_S);
	snprintf(slots->name, sizeof(slots->name), "%s", wish->name);
	slots->made = (struct otp_slot){
		.kind = wish->kind, .slot = wish->slot, .added_us = clock_real_us()};
	snprintf(slots->made.name, sizeof(slots->made.name), "%s", wish->name);
	if (slots_ask(slots, wish->kind, STAGE_MAKES, wish->pin) == 0)
		return NULL;
	slots->call = 0;
	slots_change_failed(slots, "");
	return otp_failure_text(OTP_BROKEN);
}

const char *slots_remove(struct slots *slots, const char *name, const char *yes_pin,
                         bool has_agreed, uint64_t call) {
	const struct otp_slot *slot = otp_slots_named(&slots->enrolled, name);
	const char *why_not = why_no_change(slots);

	if (why_not == NULL && slot == NULL)
		why_not = "nothing of that name is enrolled (ssh-agent-guard enroll --list)";
	if (why_not == NULL)
		why_not = change_starts(slots, yes_pin, has_agreed, call);
	if (why_not != NULL)
		return why_not;
	slots->change = SLOTS_CHANGE_OWN;
	slots->removes = true;
	slots->made = *slot;
	snprintf(slots->name, sizeof(slots->name), "%s", name);
	return NULL;
}

const char *slots_agree(struct slots *slots, const char *yes_pin, slots_agreed *then) {
	const char *why_not = why_no_change(slots);

	if (why_not == NULL)
		why_not = change_starts(slots, yes_pin, false, 0);
	if (why_not != NULL)
		return why_not;
	slots->change = SLOTS_CHANGE_ELSE;
	slots->agreed = then;
	return NULL;
}
