#include "agent/slots_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/secret.h"
#include "confirm/otp_child.h"

static const char cannot_write[] = "the state directory cannot be written";
static const char once_more[] =
	"touch it once more: the next answer is taken down, so that this one is worth nothing";

/* ---- what there is to ask for ---- */

bool slots_can(const struct slots *slots, enum otp_kind kind) {
	return otp_slots_has(&slots->enrolled, kind);
}

bool slots_pin_is_locked(const struct slots *slots) {
	return pin_is_locked(&slots->enrolled.tries, clock_real_us());
}

bool slots_are_busy(const struct slots *slots) {
	return slots->state != SLOTS_IDLE || slots->change != SLOTS_CHANGE_NONE;
}

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

void slots_answer_call(struct slots *slots, enum control_result result, const char *text) {
	uint64_t call = slots->call;

	slots->call = 0;
	if (call != 0 && slots->asker->control != NULL)
		control_answer(slots->asker->control, call, result, bytes_of_text(text));
}

static void set_words(struct slots *slots, const char *words) {
	slots->words = words;
	if (words != NULL && slots->live != 0)
		diag_info("request %llu: %s", (unsigned long long)slots->live, words);
}

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

/* ---- the helper ---- */

static bool on_said(void *data, struct bytes message);
static void on_lost(void *data);
static void on_ended(void *data);

/* Those whose YubiKey is known before those that any could have. */
static void put_wanted(struct slots *slots, struct otp_request *request, enum slots_stage stage) {
	const struct otp_slots *enrolled = &slots->enrolled;

	if (stage == STAGE_MAKES) {
		request->wanted[request->n_wanted++] = (struct otp_wanted){0, slots->made.slot};
		return;
	}
	for (int any = 0; any <= 1; any++)
		for (size_t i = 0; i < enrolled->count; i++) {
			const struct otp_slot *slot = &enrolled->slots[i];

			if (slot->kind != request->kind || (slot->serial == 0) != (any == 1))
				continue;
			slots->wanted[request->n_wanted] = i;
			request->wanted[request->n_wanted++] = (struct otp_wanted){slot->serial,
			                                                           slot->slot};
		}
}

int slots_ask(struct slots *slots, enum otp_kind kind, enum slots_stage stage, const char *pin) {
	const struct helper_calls calls = {on_said, on_lost, on_ended, slots};
	CLEANUP(buffer_deinit) struct buffer head = {0};
	struct otp_request request = {.kind = kind};
	int error;

	put_wanted(slots, &request, stage);
	slots->n_wanted = request.n_wanted;
	otp_request_put(&head, &request);
	error = buffer_error(&head);
	if (error == 0)
		error = helper_start(&slots->helper, slots->asker->guard->loop, otp_child_run,
		                     OTP_REPLY_MAX, &calls);
	if (error < 0)
		return error;
	slots->kind = kind;
	slots->stage = stage;
	slots->lack = LACK_NONE;
	slots->is_right = slots->is_counted = false;
	slots->state = SLOTS_ASKS;
	error = helper_send(slots->helper, buffer_bytes(&head), pin);
	if (error < 0) {
		helper_free(TAKE(slots->helper));
		slots->state = SLOTS_IDLE;
	}
	return error;
}

void slots_call_off(struct slots *slots) {
	ev_timer_stop(slots->asker->guard->loop, &slots->timer);
	switch (slots->state) {
	case SLOTS_STANDS: slots->state = SLOTS_IDLE; break;
	case SLOTS_ASKS:
		helper_hang_up(slots->helper);
		slots->state = SLOTS_ENDS;
		break;
	case SLOTS_IDLE:
	case SLOTS_ENDS: break;
	}
}

void slots_start_timer(struct slots *slots, double seconds) {
	struct ev_loop *loop = slots->asker->guard->loop;

	ev_timer_stop(loop, &slots->timer);
	ev_now_update(loop);
	ev_timer_set(&slots->timer, seconds, 0.);
	ev_timer_start(loop, &slots->timer);
}

/* ---- a prompt ---- */

static struct showing *showing_of(const struct slots *slots) {
	const struct prompt *prompt = slots->has_prompt
	                                      ? broker_find(slots->asker->broker, slots->prompt)
	                                      : NULL;

	return prompt != NULL ? prompt->shown : NULL;
}

static enum confirm_method method_of(const struct slots *slots) {
	return slots->kind == OTP_PIN ? CONFIRM_OTP_PIN : CONFIRM_OTP;
}

/* Where something else may still say yes, it is left to that. */
static void give_up_prompt(struct slots *slots, enum turn_lack lack, const char *via) {
	struct asker *asker = slots->asker;
	struct showing *showing = showing_of(slots);

	if (showing == NULL)
		return;
	if (method_of(slots) == CONFIRM_OTP)
		showing->slot_tries = SLOT_TRIES;
	broker_spend(asker->broker, slots->prompt, method_of(slots), lack, via, clock_mono_ns());
	asker_watch_clock(asker);
}

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
	set_words(slots, otp_failure_text(OTP_BROKEN));
	give_up_prompt(slots, LACK_FAILED, "otp-failed");
}

static void on_stood(struct slots *slots) {
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

/* ---- what comes of it ---- */

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

static int store(struct slots *slots, const struct otp_slots *what, storing_done *done) {
	struct guard *guard = slots->asker->guard;
	CLEANUP(buffer_deinit) struct buffer text = {0};

	otp_slots_put(&text, what);
	if (buffer_error(&text) < 0)
		return buffer_error(&text);
	return storing_start(&slots->storing, guard->loop, guard->state_fd, OTP_FILE,
	                     buffer_bytes(&text), done, slots);
}

static void failed_with(struct slots *slots, const char *text) {
	slots_answer_call(slots, CONTROL_FAILED, text);
	if (slots->change != SLOTS_CHANGE_NONE)
		slots_change_failed(slots, text);
	else
		slots_call_off(slots);
}

static bool ask_expected(struct slots *slots) {
	const struct otp_slot *slot = &slots->enrolled.slots[slots->found];
	enum otp_form form = slots->kind != OTP_PIN ? OTP_FORM_PLAIN
	                     : slot->is_older       ? OTP_FORM_OLDER
	                                            : OTP_FORM_PIN;

	return send_ask(slots, form, (struct bytes){slot->challenge, slot->challenge_len});
}

static void on_counted(void *data, int error);

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
		return ask_expected(slots);
	/* A try that the disk does not keep in mind, whatever becomes of the machine, would be one
	 * too many: the YubiKey is asked once it is there. It stays counted also where no answer
	 * comes, because what kept that from coming may be whoever guesses. */
	pin_count(&slots->enrolled.tries, clock_real_us());
	slots->is_counted = true;
	if (store(slots, &slots->enrolled, on_counted) < 0)
		failed_with(slots, cannot_write);
	return true;
}

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
	failed_with(slots, text);
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
	failed_with(slots, detail);
	if (slots->has_prompt)
		give_up_prompt(slots, LACK_INVALID, "otp-invalid");
}

static void proved(struct slots *slots) {
	/* Whatever becomes of the other answer, the PIN was right; the file hears of it with that
	 * one. */
	if (slots->kind == OTP_PIN)
		pin_was_right(&slots->enrolled.tries);
	if (!ask_next(slots, STAGE_ROLLS))
		on_lost(slots);
}

/* Both answers are there: what is expected from now on is written, and only then it is a yes. */
static void rolled(struct slots *slots, struct bytes answer) {
	struct otp_slot *slot;

	slots->next = slots->enrolled;
	slot = &slots->next.slots[slots->found];
	slot->is_older = false;
	slot->serial = slots->serial;
	if (otp_slot_expect(slot, BYTES(slots->challenge), answer) < 0 || slots_store(slots) < 0) {
		on_lost(slots);
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
	struct showing *showing = showing_of(slots);
	bool was_called = slots->call != 0;

	if (slots->change == SLOTS_CHANGE_NONE) {
		set_words(slots, text);
		if (is_for_good(failure))
			guard_note(slots->asker->guard, "otp-failed", NULL, text);
	}
	failed_with(slots, text);
	if (was_called)
		leave_pin_to_next(slots, failure);
	if (was_called || showing == NULL)
		return;
	if (is_for_good(failure) || ++showing->slot_tries == SLOT_TRIES)
		give_up_prompt(slots, LACK_FAILED, "otp-failed");
}

/* What goes on is shown; of a slot that is being enrolled, nobody sees it. */
static void noted(struct slots *slots, enum otp_note note) {
	if (slots->change == SLOTS_CHANGE_NONE) {
		set_words(slots, note == OTP_NOTE_TOUCH && slots->stage == STAGE_ROLLS
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
	case OTP_NOTE_NO_ACCESS: failed_with(slots, otp_note_text(note)); break;
	case OTP_NOTE_NO_KEY:
	case OTP_NOTE_GONE:
	case OTP_NOTE_BUSY:
	case OTP_NOTE_TOUCH:
	case OTP_NOTE_NO_TOUCH: break;
	}
}

static bool on_said(void *data, struct bytes message) {
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

static void on_lost(void *data) {
	failed(data, OTP_BROKEN);
}

/* ---- the end of it ---- */

/* Once neither the helper nor the file is at work. */
static void settle(struct slots *slots) {
	if (slots->helper != NULL || slots->storing != NULL)
		return;
	slots->state = SLOTS_IDLE;
	slots->has_prompt = false;
	slots->serial = 0;
	if (slots->change != SLOTS_CHANGE_NONE)
		slots_change_goes_on(slots);
	if (!slots_are_busy(slots)) {
		touching_look(slots->asker->touching);
		slots_look(slots);
	}
}

static void on_ended(void *data) {
	struct slots *slots = data;

	slots->helper = NULL;
	slots->lack = LACK_NONE;
	settle(slots);
}

static void say_yes(struct slots *slots) {
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

static void on_stored(void *data, int error) {
	struct slots *slots = data;

	slots->storing = NULL;
	if (error == 0) {
		slots->enrolled = slots->next;
		slots_watch_file(slots);
	}
	if (error < 0) {
		guard_note(slots->asker->guard, "otp-failed", NULL, cannot_write);
		failed_with(slots, cannot_write);
		if (slots->has_prompt)
			give_up_prompt(slots, LACK_FAILED, "otp-failed");
	} else if (!slots->is_right) {
		slots_change_stored(slots);
	} else if (slots->change == SLOTS_CHANGE_NONE) {
		slots->is_right = false;
		say_yes(slots);
	} else {
		slots->is_right = false;
		slots_change_agreed(slots);
	}
	settle(slots);
}

int slots_store(struct slots *slots) {
	return store(slots, &slots->next, on_stored);
}

/* The try of a PIN is on the disk, or is not; whoever typed it may have left meanwhile. */
static void on_counted(void *data, int error) {
	struct slots *slots = data;

	slots->storing = NULL;
	if (slots->state != SLOTS_ASKS)
		settle(slots);
	else if (error < 0)
		failed_with(slots, cannot_write);
	else if (!ask_expected(slots))
		on_lost(slots);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct slots *slots = watcher->data;

	(void)loop, (void)revents;
	if (slots->change != SLOTS_CHANGE_NONE && !slots->has_begun) {
		slots->has_begun = true;
		slots_change_goes_on(slots);
	} else if (slots->change != SLOTS_CHANGE_NONE) {
		failed_with(slots, "no YubiKey answered in time; nothing was changed");
	} else if (slots->state == SLOTS_STANDS) {
		on_stood(slots);
	}
}

int slots_new(struct slots **ret, struct asker *asker) {
	struct slots *slots = calloc(1, sizeof(*slots));
	int error;

	if (slots == NULL)
		return -ENOMEM;
	slots->asker = asker;
	ev_init(&slots->timer, on_timer);
	slots->timer.data = slots;
	error = slots_load(slots);
	if (error < 0) {
		free(slots);
		return error;
	}
	*ret = slots;
	return 0;
}

void slots_free(struct slots *slots) {
	if (slots == NULL)
		return;
	ev_stat_stop(slots->asker->guard->loop, &slots->file);
	ev_timer_stop(slots->asker->guard->loop, &slots->look_again);
	ev_timer_stop(slots->asker->guard->loop, &slots->timer);
	helper_free(slots->helper);
	storing_cancel(slots->storing);
	secret_free(slots->yes_pin, PIN_LEN_MAX + 1);
	proof_unref(slots->proof);
	free(slots);
}
