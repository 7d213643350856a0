#include "agent/touching.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/slots.h"
#include "agent/touching_parts.h"
#include "base/clock.h"
#include "base/diag.h"

#define MS_NS UINT64_C(1000000)

/* ---- what there is to touch for ---- */

bool touching_wants(const struct prompt *prompt) {
	return prompt->shown != NULL && turns_may_answer(&prompt->turns, CONFIRM_TOUCH);
}

/* One for another kind of touch comes first, too: a touch meant for that is not for this. */
static const struct prompt *oldest(const struct touching *touching) {
	const struct prompt *prompt = asker_touched_prompt(touching->asker);

	return prompt != NULL && touching_wants(prompt) ? prompt : NULL;
}

bool touching_lacks_key(const struct touching *touching, const struct prompt *prompt) {
	return !touching_wants(prompt) ||
	       (prompt->id == touching->live && touching->lack != LACK_NONE);
}

bool touching_is_changing(const struct touching *touching) {
	return touching->change != CHANGE_NONE;
}

const char *touching_words(const struct touching *touching, const struct prompt *prompt) {
	const struct showing *showing = prompt->shown;

	if ((prompt->question->methods & CONFIRM_TOUCH) == 0)
		return NULL;
	/* Or its turn has not come. */
	if (!touching_wants(prompt))
		return showing != NULL && showing->touch_tries >= TOUCH_TRIES
		               ? "the security key has failed for this request"
		               : NULL;
	if (prompt->id != touching->live)
		return "not yet: an older request is asked first";
	if (touching->words != NULL)
		return touching->words;
	return prompt->question->terms.pin ? "type the security key's PIN first"
	                                   : "in a moment: the request is shown first";
}

void touching_answer_call(struct touching *touching, enum control_result result, const char *text) {
	uint64_t call = touching->call;

	touching->call = 0;
	if (call != 0 && touching->asker->control != NULL)
		control_answer(touching->asker->control, call, result, bytes_of_text(text));
}

static void set_words(struct touching *touching, const char *words) {
	touching->words = words;
	if (words != NULL && touching->live != 0)
		diag_info("request %llu: %s", (unsigned long long)touching->live, words);
	/* Where no security key is at hand, a slot may be asked. */
	slots_look(touching->asker->slots);
}

/* What holds for the prompt that is asked for a touch holds for those behind it as well. */
static void set_lack(struct touching *touching, enum turn_lack lack) {
	touching->lack = lack;
	broker_lack(touching->asker->broker, CONFIRM_TOUCH, lack);
}

static enum turn_lack lack_of(enum touch_note note) {
	switch (note) {
	case TOUCH_NOTE_NO_KEY: return LACK_NO_KEY;
	case TOUCH_NOTE_GONE: return LACK_KEY_REMOVED;
	case TOUCH_NOTE_NO_USE: return LACK_KEY_UNUSABLE;
	case TOUCH_NOTE_READY:
	case TOUCH_NOTE_HOLDS: return LACK_NONE;
	}
	return LACK_KEY_UNUSABLE;
}

/* ---- the helper ---- */

static void on_replied(void *data, const struct touch_reply *reply);
static void on_ended(void *data);

/* Those that may answer; of one that is made, those that it must be none of. */
static void put_credentials(struct touch_request *request, const struct touching *touching) {
	bool verified = request->task == TOUCH_GET && touching->verified;

	for (size_t i = 0; i < touching->enrolment.count; i++) {
		const struct enrolled_key *key = &touching->enrolment.keys[i];

		if ((!verified || key->verifies) &&
		    (request->task != TOUCH_GET || touching_key_may(touching, key)))
			request->credentials[request->n_credentials++] = (struct bytes){
				key->id, key->id_len};
	}
}

int touching_ask(struct touching *touching, enum touch_task task, const char *pin) {
	const struct touch_calls calls = {on_replied, on_ended, touching};
	struct touch_request request = {.task = task};
	int error;

	put_credentials(&request, touching);
	memcpy(request.challenge, touching->challenge, CHALLENGE_LEN);
	error = touch_start(&touching->touch, touching->asker->guard->loop, &request, pin, &calls);
	if (error == 0)
		touching->state = TOUCHING_ASKS;
	return error;
}

/* Has the helper end, if it is at work. */
void touching_call_off(struct touching *touching) {
	ev_timer_stop(touching->asker->guard->loop, &touching->timer);
	proof_unref(TAKE(touching->proof));
	touching->lack = LACK_NONE;
	switch (touching->state) {
	case TOUCHING_STANDS: touching->state = TOUCHING_IDLE; break;
	case TOUCHING_ASKS:
		touch_stop(touching->touch);
		touching->state = TOUCHING_ENDS;
		break;
	case TOUCHING_IDLE:
	case TOUCHING_ENDS: break;
	}
}

void touching_start_timer(struct touching *touching, double seconds) {
	struct ev_loop *loop = touching->asker->guard->loop;

	ev_timer_stop(loop, &touching->timer);
	ev_now_update(loop);
	ev_timer_set(&touching->timer, seconds, 0.);
	ev_timer_start(loop, &touching->timer);
}

/* ---- a prompt ---- */

/* From here on nobody joins it: what the key signs names each request. */
static int begin_prompt(struct touching *touching, const struct prompt *prompt, const char *pin) {
	struct asker *asker = touching->asker;
	int error = proof_new(&touching->proof);

	if (error < 0)
		return error;
	touching->verified = prompt->question->terms.pin;
	touching->proof->n_requests = broker_seal(asker->broker, prompt->id,
	                                          touching->proof->requests, PROOF_REQUESTS_MAX);
	if (prompt->question->after[0] != '\0') {
		touching->proof->n_requests = 0;
		strcpy(touching->proof->before, prompt->question->before);
		strcpy(touching->proof->after, prompt->question->after);
	}
	error = proof_challenge(touching->challenge, touching->proof);
	return error < 0 ? error : touching_ask(touching, TOUCH_GET, pin);
}

static void count_try(struct touching *touching) {
	const struct prompt *prompt = broker_find(touching->asker->broker, touching->live);
	struct showing *showing = prompt != NULL ? prompt->shown : NULL;

	/* Where there is no other method, it waits for its end. */
	if (showing != NULL && ++showing->touch_tries == TOUCH_TRIES)
		broker_spend(touching->asker->broker, prompt->id, CONFIRM_TOUCH, LACK_FAILED, NULL,
		             clock_mono_ns());
}

/* Where something else may still say yes, it is left to that. */
static void give_up_prompt(struct touching *touching, enum turn_lack lack, const char *via) {
	struct asker *asker = touching->asker;
	const struct prompt *prompt = broker_find(asker->broker, touching->live);
	struct showing *showing = prompt != NULL ? prompt->shown : NULL;

	if (showing == NULL)
		return;
	showing->touch_tries = TOUCH_TRIES;
	broker_spend(asker->broker, prompt->id, CONFIRM_TOUCH, lack, via, clock_mono_ns());
	asker_watch_clock(asker);
}

static void on_stood(struct touching *touching) {
	const struct prompt *prompt = broker_find(touching->asker->broker, touching->live);

	touching->state = TOUCHING_IDLE;
	if (prompt == NULL || begin_prompt(touching, prompt, NULL) == 0)
		return;
	proof_unref(TAKE(touching->proof));
	set_words(touching, touch_failure_text(TOUCH_BROKEN));
	give_up_prompt(touching, LACK_FAILED, "touch-failed");
}

void touching_look(struct touching *touching) {
	const struct prompt *prompt;

	/* One that has come since cannot be touched for either. */
	if (touching->lack != LACK_NONE)
		broker_lack(touching->asker->broker, CONFIRM_TOUCH, touching->lack);
	prompt = oldest(touching);
	if (touching->state != TOUCHING_IDLE || touching->change != CHANGE_NONE)
		return;
	if (touching->asker->slots->change != SLOTS_CHANGE_NONE)
		return;
	if (prompt == NULL) {
		touching->live = 0;
		return;
	}
	if (prompt->id != touching->live) {
		touching->live = prompt->id;
		touching->live_since_ns = clock_mono_ns();
		touching->words = NULL;
	}
	/* With a PIN, it begins when that is typed. */
	if (prompt->question->terms.pin)
		return;
	touching->state = TOUCHING_STANDS;
	touching_start_timer(touching, TOUCH_STANDS_S);
}

void touching_prompt_ends(struct touching *touching, uint64_t prompt) {
	if (prompt != touching->live)
		return;
	touching->live = 0;
	touching->words = NULL;
	touching_answer_call(touching, CONTROL_FAILED, "nothing waits for that any more");
	if (touching->change == CHANGE_NONE)
		touching_call_off(touching);
}

const char *touching_try_pin(struct touching *touching, uint64_t id, const char *pin,
                             uint64_t call) {
	const struct prompt *prompt = broker_find(touching->asker->broker, id);

	if (prompt == NULL)
		return "nothing waits for that any more";
	if (!touching_wants(prompt))
		return "another method is asked first";
	touching_look(touching);
	if (touching->live != id)
		return touching->change != CHANGE_NONE
		               ? "the security keys are being changed; try again"
		               : "an older request is asked first (ssh-agent-guard pending)";
	if (touching->state != TOUCHING_IDLE ||
	    clock_mono_ns() - touching->live_since_ns < (uint64_t)(TOUCH_STANDS_S * 1000) * MS_NS)
		return "the security key is not ready; try again";
	if (begin_prompt(touching, prompt, pin) < 0) {
		proof_unref(TAKE(touching->proof));
		return touch_failure_text(TOUCH_BROKEN);
	}
	touching->call = call;
	return NULL;
}

/* ---- what comes of a touch ---- */

static void refuse(struct touching *touching, const char *name, const char *why) {
	struct guard *guard = touching->asker->guard;
	char detail[256];

	snprintf(detail, sizeof(detail), "what security key %s answered is not used: %s", name,
	         why);
	guard_note(guard, "touch-refused", NULL, detail);
	if (strcmp(why, assertion_fault_text(ASSERTION_COUNTER_BACK)) == 0)
		guard_notice(guard, "the counter of a security key has gone back, so there may be "
		                    "a copy of it (see ssh-agent-guard log)");
	if (touching->change != CHANGE_NONE) {
		touching_change_failed(touching, detail);
		return;
	}
	touching_answer_call(touching, CONTROL_FAILED, detail);
	give_up_prompt(touching, LACK_INVALID, "touch-invalid");
}

static const char *check(struct touching *touching, struct enrolled_key *key,
                         const struct assertion *assertion) {
	const struct assertion_demand demand = {touching->challenge, key->point, touching->verified,
	                                        key->counter};
	uint32_t before = key->counter;
	enum assertion_fault fault = assertion_check(&key->counter, assertion, &demand);

	if (fault != ASSERTION_GOOD)
		return assertion_fault_text(fault);
	/* A number that could not be kept in mind could come again. */
	if (key->counter != before && touching_keys_save(touching, &touching->enrolment) < 0)
		return "the state directory cannot be written, so its counter is not kept";
	if (proof_complete(touching->proof, key, assertion) < 0)
		return "there is no memory";
	return NULL;
}

static void approved(struct touching *touching) {
	struct asker *asker = touching->asker;
	uint64_t prompt = touching->live, call = touching->call;
	bool granted;

	if (touching->change != CHANGE_NONE) {
		struct enrolled_key *key;

		/* Its counter has risen since the next one was made. */
		for (size_t i = 0; i < touching->enrolment.count; i++) {
			const struct enrolled_key *now = &touching->enrolment.keys[i];

			key = enrolment_find(&touching->next, (struct bytes){now->id, now->id_len});
			if (key != NULL)
				key->counter = now->counter;
		}
		touching_change_do(touching);
		return;
	}
	touching->call = 0;
	granted = broker_grant_proved(asker->broker, prompt, "touch", touching->proof);
	if (call != 0 && asker->control != NULL)
		control_answer(
			asker->control, call, granted ? CONTROL_OK : CONTROL_FAILED,
			bytes_of_text(granted ? "confirmed\n" : "nothing waits for that any more"));
	asker_watch_clock(asker);
}

static void signed_by(struct touching *touching, const struct touch_reply *reply) {
	const struct assertion assertion = {reply->auth_data, reply->signature};
	struct enrolled_key *key = enrolment_find(&touching->enrolment, reply->id);
	const char *why_not = "it is not enrolled";

	if (touching->proof == NULL)
		return;
	/* Another floor may be in force by now. */
	if (key != NULL && !touching_key_may(touching, key))
		why_not = "the system floor names the keys that may say yes, and not this one";
	else if (key != NULL)
		why_not = check(touching, key, &assertion);
	if (why_not != NULL)
		refuse(touching, key != NULL ? key->name : "?", why_not);
	else
		approved(touching);
}

static void failed(struct touching *touching, const struct touch_reply *reply) {
	const char *text = touch_failure_text(reply->failure);
	char words[192];

	if (reply->failure == TOUCH_WRONG_PIN && reply->retries > 0)
		snprintf(words, sizeof(words), "%s; %u more and it is blocked for good", text,
		         reply->retries);
	else
		snprintf(words, sizeof(words), "%s", text);
	if (touching->change != CHANGE_NONE) {
		touching_change_failed(touching, words);
		return;
	}
	if (reply->failure == TOUCH_WRONG_PIN || reply->failure == TOUCH_PIN_BLOCKED)
		guard_note(touching->asker->guard, "pin-wrong", NULL, words);
	set_words(touching, text);
	if (reply->failure == TOUCH_REFUSED) {
		touching_answer_call(touching, CONTROL_FAILED, words);
		broker_deny(touching->asker->broker, touching->live, CONFIRM_TOUCH, "touch",
		            clock_mono_ns());
		asker_watch_clock(touching->asker);
		return;
	}
	/* A PIN can be typed again, as often as the key itself allows. */
	if (touching->call != 0)
		touching_answer_call(touching, CONTROL_FAILED, words);
	else
		count_try(touching);
}

static void on_replied(void *data, const struct touch_reply *reply) {
	struct touching *touching = data;

	if (reply->kind == TOUCH_NOTE) {
		set_words(touching, touch_note_text(reply->note));
		if (touching->live != 0)
			set_lack(touching, lack_of(reply->note));
		return;
	}
	/* The helper has nothing more to say. */
	if (touching->state == TOUCHING_ASKS)
		touching->state = TOUCHING_ENDS;
	switch (reply->kind) {
	case TOUCH_NOTE: break;
	case TOUCH_SIGNED: signed_by(touching, reply); break;
	case TOUCH_MADE: touching_key_made(touching, reply); break;
	case TOUCH_FAILED: failed(touching, reply); break;
	}
}

static void on_ended(void *data) {
	struct touching *touching = data;

	touching->touch = NULL;
	touching->state = TOUCHING_IDLE;
	touching->lack = LACK_NONE;
	proof_unref(TAKE(touching->proof));
	if (touching->change == CHANGE_NONE)
		touching_look(touching);
	else if (touching_change_begin(touching) < 0)
		touching_change_failed(touching, touch_failure_text(TOUCH_BROKEN));
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct touching *touching = watcher->data;

	(void)loop, (void)revents;
	if (touching->change != CHANGE_NONE)
		touching_change_failed(touching,
		                       "nobody touched a security key; nothing was changed");
	else if (touching->state == TOUCHING_STANDS)
		on_stood(touching);
}

/* ---- from start to end ---- */

int touching_new(struct touching **ret, struct asker *asker) {
	struct touching *touching = calloc(1, sizeof(*touching));
	int error;

	if (touching == NULL)
		return -ENOMEM;
	touching->asker = asker;
	ev_init(&touching->timer, on_timer);
	touching->timer.data = touching;
	error = touching_keys_load(touching);
	if (error < 0) {
		free(touching);
		return error;
	}
	*ret = touching;
	return 0;
}

void touching_free(struct touching *touching) {
	if (touching == NULL)
		return;
	own_file_deinit(&touching->file);
	ev_timer_stop(touching->asker->guard->loop, &touching->timer);
	touch_free(touching->touch);
	proof_unref(touching->proof);
	free(touching);
}
