/* What is asked of the OTP slots for a prompt: a touch for the oldest one that any touch may
 * answer, or the PIN that somebody has typed; and what is said of it to whoever looks. */
#include "agent/slots_parts.h"

#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"

bool slots_want(const struct prompt *prompt) {
	return prompt->shown != NULL && turns_may_answer(&prompt->turns, CONFIRM_OTP);
}

const char *slots_words(const struct slots *slots, const struct prompt *prompt) {
	const struct showing *showing = prompt->shown;

	if ((prompt->question->methods & CONFIRM_OTP) == 0)
		return NULL;
	/* Its turn has not come. */
	if (!slots_want(prompt) && (showing == NULL || showing->slot_tries < SLOT_TRIES))
		return NULL;
	if (!slots_want(prompt))
		return slots->words != NULL && prompt->id == slots->live
		               ? slots->words
		               : "the YubiKey has failed for this request";
	if (prompt->id != slots->live)
		return touching_wants(prompt) ? NULL : "not yet: an older request is asked first";
	return slots->words != NULL ? slots->words : "in a moment: the request is shown first";
}

void slots_set_words(struct slots *slots, const char *words) {
	slots->words = words;
	if (words != NULL && slots->live != 0)
		diag_info("request %llu: %s", (unsigned long long)slots->live, words);
}

struct showing *slots_showing(const struct slots *slots) {
	const struct prompt *prompt = slots->has_prompt
	                                      ? broker_find(slots->asker->broker, slots->prompt)
	                                      : NULL;

	return prompt != NULL ? prompt->shown : NULL;
}

static enum confirm_method method_of(const struct slots *slots) {
	return slots->kind == OTP_PIN ? CONFIRM_OTP_PIN : CONFIRM_OTP;
}

void slots_give_up(struct slots *slots, enum turn_lack lack, const char *via) {
	struct asker *asker = slots->asker;
	struct showing *showing = slots_showing(slots);

	if (showing == NULL)
		return;
	if (method_of(slots) == CONFIRM_OTP)
		showing->slot_tries = SLOT_TRIES;
	broker_spend(asker->broker, slots->prompt, method_of(slots), lack, via, clock_mono_ns());
	asker_watch_clock(asker);
}

void slots_say_yes(struct slots *slots) {
	struct asker *asker = slots->asker;
	uint64_t call = slots->call;
	bool granted;

	slots->call = 0;
	granted = slots->has_prompt &&
	          broker_grant(asker->broker, slots->prompt, method_of(slots), "otp");
	if (call != 0 && asker->control != NULL)
		control_answer(
			asker->control, call, granted ? CONTROL_OK : CONTROL_FAILED,
			bytes_of_text(granted ? "confirmed\n" : "nothing waits for that any more"));
	asker_watch_clock(asker);
}

/* ---- a touch ---- */

static void begin_prompt(struct slots *slots) {
	struct asker *asker = slots->asker;
	char digests[PROOF_REQUESTS_MAX][DIGEST_HEX];
	int error;

	slots->has_prompt = true;
	slots->prompt = slots->live;
	/* Nobody joins what a person is about to say yes to. */
	broker_seal(asker->broker, slots->live, digests, PROOF_REQUESTS_MAX);
	error = slots_ask(slots, OTP_TOUCH, STAGE_PROVES, "");
	if (error == 0)
		return;
	slots_set_words(slots, otp_failure_text(OTP_BROKEN));
	slots_give_up(slots, LACK_FAILED, "otp-failed");
}

void slots_stood(struct slots *slots) {
	slots->state = SLOTS_IDLE;
	if (broker_find(slots->asker->broker, slots->live) != NULL)
		begin_prompt(slots);
}

void slots_look(struct slots *slots) {
	const struct prompt *prompt;

	/* One that has come since cannot be answered so either. */
	if (slots->lack != LACK_NONE)
		broker_lack(slots->asker->broker, CONFIRM_OTP, slots->lack);
	prompt = asker_touched_prompt(slots->asker);
	if (slots_are_busy(slots) || touching_is_changing(slots->asker->touching))
		return;
	/* A security key is asked first: what that says is proved. */
	if (prompt != NULL &&
	    (!slots_want(prompt) || !touching_lacks_key(slots->asker->touching, prompt)))
		prompt = NULL;
	if (prompt == NULL) {
		slots->live = 0;
		return;
	}
	if (prompt->id != slots->live)
		slots->words = NULL;
	slots->live = prompt->id;
	slots->state = SLOTS_STANDS;
	slots_start_timer(slots, TOUCH_STANDS_S);
}

void slots_prompt_ends(struct slots *slots, uint64_t prompt) {
	bool is_asked = slots->has_prompt && slots->prompt == prompt;

	if (prompt == slots->live) {
		slots->live = 0;
		slots->words = NULL;
	} else if (!is_asked) {
		return;
	}
	if (is_asked)
		slots_answer_call(slots, CONTROL_FAILED, "nothing waits for that any more");
	/* Answers that are right are written down, whoever has left meanwhile. */
	if (slots->change == SLOTS_CHANGE_NONE && (is_asked || slots->state == SLOTS_STANDS))
		slots_call_off(slots);
}

/* ---- a PIN ---- */

/* Whoever types a PIN does not touch. Not between two touches: what was answered is written down.
 */
static void let_go_of_touch(struct slots *slots) {
	if (slots->state == SLOTS_STANDS)
		slots_call_off(slots);
	if (slots->state != SLOTS_ASKS || slots->change != SLOTS_CHANGE_NONE ||
	    slots->kind != OTP_TOUCH || slots->stage != STAGE_PROVES)
		return;
	helper_free(TAKE(slots->helper));
	slots->state = SLOTS_IDLE;
	slots->has_prompt = false;
	slots->serial = 0;
}

const char *slots_try_pin(struct slots *slots, uint64_t prompt, const char *pin, uint64_t call) {
	const struct prompt *asked = broker_find(slots->asker->broker, prompt);

	if (asked == NULL)
		return "nothing waits for that any more";
	if (!turns_may_answer(&asked->turns, CONFIRM_OTP_PIN))
		return "another method is asked first";
	if (slots_pin_is_locked(slots))
		return "the PIN is locked, because it was wrong too often; wait";
	let_go_of_touch(slots);
	if (slots_are_busy(slots))
		return "the YubiKey is asked for something else; try again";
	slots->has_prompt = true;
	slots->prompt = prompt;
	if (slots_ask(slots, OTP_PIN, STAGE_PROVES, pin) < 0) {
		slots->has_prompt = false;
		slots_look(slots);
		return otp_failure_text(OTP_BROKEN);
	}
	slots->call = call;
	return NULL;
}
