#include "agent/asker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/asker_control.h"
#include "agent/popup.h"
#include "agent/screens.h"
#include "agent/slots.h"
#include "agent/teller.h"
#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/secret.h"
#include "log/doc.h"
#include "log/event_method.h"

#define LINE_LEN_MAX 2048
#define PINS         ((unsigned)CONFIRM_PIN | CONFIRM_OTP_PIN)

/* ---- prompts ---- */

/* Through the FIFO. What is no answer has been passed over. */
static void on_said(void *data, const char *pin) {
	struct showing *showing = data;
	struct asker *asker = showing->asker;
	const char *failed;

	if (pin == NULL) {
		broker_deny(asker->broker, showing->prompt, 0, "fifo", clock_mono_ns());
		asker_watch_clock(asker);
		return;
	}
	failed = asker_try_pin(asker, showing->prompt, pin, "fifo", 0);
	if (failed != NULL)
		diag_error("request %llu: %s", (unsigned long long)showing->prompt, failed);
}

/* nonce: what an answer by the FIFO has to carry; NULL: for somebody who only tells of it. */
static int describe(struct buffer *document, const struct prompt *prompt, const char *nonce,
                    int64_t asked_us) {
	const struct question *question = prompt->question;
	CLEANUP(buffer_deinit) struct buffer asks = {0};
	CLEANUP(doc_deinit) struct doc doc;
	char since[CLOCK_STAMP_SIZE], until[CLOCK_STAMP_SIZE];

	clock_stamp(since, asked_us);
	clock_stamp(until, asked_us + (int64_t)((prompt->deadline_ns - prompt->asked_ns) / 1000));
	doc_begin(&doc, document);
	doc_number(&doc, "id", prompt->id);
	if (nonce != NULL)
		doc_text(&doc, "nonce", nonce, LINE_LEN_MAX);
	doc_text(&doc, "since", since, LINE_LEN_MAX);
	doc_text(&doc, "until", until, LINE_LEN_MAX);
	for (size_t i = 0; i < question->n_lines; i++)
		doc_text(&doc, question->lines[i].label, question->lines[i].text, LINE_LEN_MAX);
	turns_put_text(&asks, &prompt->turns);
	doc_key(&doc, "asks");
	doc_value(&doc, buffer_bytes(&asks), LINE_LEN_MAX);
	doc_text(&doc, "answer",
	         nonce == NULL
	                 ? "ssh-agent-guard confirm"
	                 : "weak: write `allow NONCE PIN` or `deny NONCE` to the FIFO; better run "
	                   "ssh-agent-guard confirm",
	         LINE_LEN_MAX);
	return doc_finish(&doc);
}

static void tell_pending(struct asker *asker, const struct prompt *prompt) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	struct teller *teller = asker->guard->teller;

	if (teller != NULL && teller_wants_pending(teller) &&
	    describe(&document, prompt, NULL, clock_real_us()) == 0)
		teller_pending(teller, buffer_bytes(&document));
}

static int open_postbox(struct asker *asker, const struct prompt *prompt, struct showing *showing) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	char nonce[NONCE_SIZE];
	int error = nonce_new(nonce);

	if (error == 0)
		error = describe(&document, prompt, nonce, showing->asked_us);
	if (error == 0)
		error = postbox_new(&showing->postbox, asker->guard->loop, asker->directory,
		                    prompt->id, nonce, buffer_bytes(&document), on_said, showing);
	return error;
}

static void on_window_closed(void *data, enum askpass_answer answer) {
	struct showing *showing = data;
	struct asker *asker = showing->asker;
	uint64_t prompt = showing->prompt;

	switch (answer) {
	case ASKPASS_FAILED:
		diag_error("%s: failed (request %llu is not answered by it)", askpass_program(),
		           (unsigned long long)prompt);
		askpass_free(TAKE(showing->askpass));
		broker_spend(asker->broker, prompt, CONFIRM_ASKPASS, LACK_FAILED, NULL,
		             clock_mono_ns());
		break;
	case ASKPASS_NO:
		broker_deny(asker->broker, prompt, CONFIRM_ASKPASS, "askpass", clock_mono_ns());
		break;
	case ASKPASS_YES: broker_grant(asker->broker, prompt, CONFIRM_ASKPASS, "askpass"); break;
	}
	asker_watch_clock(asker);
}

/* One window at a time, so that a click is for what it shows: that of the oldest prompt. */
static void on_turn(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct asker *asker = watcher->data;
	const struct prompt *prompt = broker_prompts(asker->broker);
	struct showing *showing = prompt != NULL ? prompt->shown : NULL;
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error;

	(void)revents;
	if (showing == NULL || showing->was_in_window ||
	    !turns_may_answer(&prompt->turns, CONFIRM_ASKPASS))
		return;
	showing->was_in_window = true;
	if (!asker->told_of_windows && platform_landlock_abi() == 0)
		diag_info("%s: runs with all that you may do, because this system has no Landlock",
		          askpass_program());
	asker->told_of_windows = true;
	buffer_put_raw(&text, bytes_of_text("Allow this use of an SSH key?\n"));
	question_put_text(&text, prompt->question);
	buffer_put_u8(&text, 0);
	error = buffer_error(&text);
	if (error == 0)
		error = askpass_start(&showing->askpass, loop, askpass_program(),
		                      (const char *)text.data, on_window_closed, showing);
	if (error == 0)
		return;
	diag_error("%s: %s", askpass_program(), strerror(-error));
	broker_spend(asker->broker, showing->prompt, CONFIRM_ASKPASS, LACK_FAILED, NULL,
	             clock_mono_ns());
}

static void look_at_windows(struct asker *asker) {
	ev_timer_stop(asker->guard->loop, &asker->turn);
	ev_timer_set(&asker->turn, 0., 0.);
	ev_timer_start(asker->guard->loop, &asker->turn);
}

/* What may answer it by now is there to do so. */
static void start_methods(struct asker *asker, const struct prompt *prompt) {
	struct showing *showing = prompt->shown;
	int error = 0;

	if (showing != NULL && !turns_may_answer(&prompt->turns, CONFIRM_PIN))
		postbox_free(TAKE(showing->postbox));
	/* A script cannot read what changes, and agree to it. */
	if (showing != NULL && showing->postbox == NULL && prompt->question->body == NULL &&
	    turns_may_answer(&prompt->turns, CONFIRM_PIN))
		error = open_postbox(asker, prompt, showing);
	if (error < 0)
		diag_error("%s: %s (requests are answered by `ssh-agent-guard confirm` alone)",
		           asker->directory, strerror(-error));
	look_at_windows(asker);
	touching_look(asker->touching);
	popup_look(asker->popup);
	slots_look(asker->slots);
	guard_status_changed(asker->guard);
}

/* One that another program has put where none was is not watched. */
static void look_at_files(struct asker *asker) {
	own_file_look(&asker->pin_file);
	own_file_look(&asker->touching->file);
	own_file_look(&asker->slots->file);
}

static void on_opened(void *data, struct prompt *prompt) {
	struct asker *asker = data;
	struct showing *showing = calloc(1, sizeof(*showing));

	if (showing != NULL)
		*showing = (struct showing){
			.asker = asker, .prompt = prompt->id, .asked_us = clock_real_us()};
	prompt->shown = showing;
	diag_info("a request waits for your yes: ssh-agent-guard confirm %llu",
	          (unsigned long long)prompt->id);
	tell_pending(asker, prompt);
	screens_look(asker->screens);
	look_at_files(asker);
	start_methods(asker, prompt);
}

/* Whoever shows it, and whoever looks, is told what is to be done by now. */
static void on_turned(void *data, struct prompt *prompt) {
	struct asker *asker = data;
	CLEANUP(buffer_deinit) struct buffer text = {0};
	enum confirm_method asks = turns_asks(&prompt->turns);

	turns_put_text(&text, &prompt->turns);
	buffer_put_u8(&text, 0);
	if (buffer_error(&text) == 0)
		diag_info("request %llu: by another method from now on: %s",
		          (unsigned long long)prompt->id, (const char *)text.data);
	if (asks != 0)
		event_method_set(&prompt->question->event, confirm_method_name(asks));
	asker_control_turned(asker, prompt);
	tell_pending(asker, prompt);
	start_methods(asker, prompt);
}

/* Those who look at it, and wait. */
static void tell_waiting(struct asker *asker, struct showing *showing, enum prompt_state state) {
	for (size_t i = 0; i < WAITING_MAX; i++) {
		struct awaiting *awaiting = &showing->waiting[i];

		if (awaiting->call == 0)
			continue;
		if (asker->control != NULL)
			control_answer(asker->control, awaiting->call,
			               state == PROMPT_GRANTED ? CONTROL_OK : CONTROL_FAILED,
			               bytes_of_text(asker_control_end_words(state)));
		close_fd(&awaiting->watch);
	}
}

static void on_closed(void *data, struct prompt *prompt) {
	struct asker *asker = data;
	struct showing *showing = prompt->shown;

	if (showing != NULL) {
		postbox_free(showing->postbox);
		askpass_free(showing->askpass);
		tell_waiting(asker, showing, prompt->state);
	}
	tickets_prompt_ends(&asker->tickets, prompt->id, prompt->state);
	free(showing);
	prompt->shown = NULL;
	look_at_windows(asker);
	touching_prompt_ends(asker->touching, prompt->id);
	slots_prompt_ends(asker->slots, prompt->id);
	touching_look(asker->touching);
	popup_prompt_ends(asker->popup, prompt->id);
	slots_look(asker->slots);
	guard_status_changed(asker->guard);
}

static void on_due(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct asker *asker = watcher->data;

	(void)loop, (void)revents;
	broker_tick(asker->broker, clock_mono_ns());
	asker_watch_clock(asker);
}

void asker_watch_clock(struct asker *asker) {
	struct ev_loop *loop = asker->guard->loop;
	uint64_t due_ns = broker_due(asker->broker);
	uint64_t now_ns = clock_mono_ns();

	ev_timer_stop(loop, &asker->due);
	if (due_ns == 0)
		return;
	ev_now_update(loop);
	ev_timer_set(&asker->due, due_ns > now_ns ? (double)(due_ns - now_ns) / 1e9 : 0., 0.);
	ev_timer_start(loop, &asker->due);
}

/* Of `auto`. Whoever sits at the machine can touch a key there, and types no PIN where he can. The
 * PIN of a key takes a touch, wherever it is typed. */
static unsigned by_presence(const struct asker *asker, const struct confirm_terms *terms,
                            enum presence presence) {
	unsigned methods = terms->methods & ~CONFIRM_AUTO;
	bool is_away = screens_is_away(asker->screens);

	if ((terms->methods & CONFIRM_AUTO) == 0 || terms->pin != 0)
		return methods;
	switch (presence) {
	case PRESENCE_REMOTE:
	case PRESENCE_LOCKED: return methods & PINS;
	case PRESENCE_UNKNOWN: return is_away ? methods & PINS : methods;
	case PRESENCE_LOCAL: break;
	}
	if (is_away)
		return methods & PINS;
	if (touching_can(asker->touching, false))
		return methods & CONFIRM_TOUCH;
	return methods & (slots_can(asker->slots, OTP_TOUCH) ? CONFIRM_OTP : PINS);
}

/* Those that the list comes to for that question. */
static unsigned listed(const struct asker *asker, const struct confirm_terms *terms,
                       enum presence presence) {
	unsigned methods = by_presence(asker, terms, presence);

	/* The PIN of a key, where there is one; else that of the account. */
	if (terms->pin != 0)
		methods &= (methods & CONFIRM_TOUCH) != 0 && touching_can(asker->touching, true)
		                   ? (unsigned)CONFIRM_TOUCH
		                   : PINS | CONFIRM_TOUCH;
	/* `auto` takes the PIN of a YubiKey's slot, where one is enrolled: that takes the YubiKey
	 * as well. */
	if (terms->order.is_any && (methods & CONFIRM_OTP_PIN) != 0 &&
	    slots_can(asker->slots, OTP_PIN))
		methods &= ~(unsigned)CONFIRM_PIN;
	return methods;
}

static enum turn_lack lack_of(const struct asker *asker, const struct confirm_terms *terms,
                              enum confirm_method method) {
	bool verified = terms->pin != 0;

	switch (method) {
	case CONFIRM_TOUCH:
		return touching_can(asker->touching, verified)         ? LACK_NONE
		       : touching_is_barred(asker->touching, verified) ? LACK_NOT_PINNED
		                                                       : LACK_NOT_ENROLLED;
	case CONFIRM_OTP:
		return slots_can(asker->slots, OTP_TOUCH) ? LACK_NONE : LACK_NOT_ENROLLED;
	case CONFIRM_OTP_PIN:
		return !slots_can(asker->slots, OTP_PIN)    ? LACK_NOT_ENROLLED
		       : slots_pin_is_locked(asker->slots) ? LACK_PIN_LOCKED
		                                           : LACK_NONE;
	case CONFIRM_PIN:
		return pin_is_locked(&asker->pin, clock_real_us()) ? LACK_PIN_LOCKED
		       : asker->pin.hash[0] == '\0'                ? LACK_NOT_ENROLLED
		                                                   : LACK_NONE;
	case CONFIRM_ASKPASS: return askpass_program() == NULL ? LACK_NO_PROGRAM : LACK_NONE;
	}
	return LACK_FAILED;
}

/* Its window stands on this machine's screen. A key, too, is here; but that a person is not is what
 * any program can pretend, and nothing shall get round a key that is plugged in by that. */
static void pass_over_windows(const struct asker *asker, struct turns *turns,
                              enum presence presence) {
	bool is_away = presence == PRESENCE_REMOTE || presence == PRESENCE_LOCKED ||
	               screens_is_away(asker->screens);
	bool another_follows = false;

	if (turns->is_any || !is_away)
		return;
	for (size_t i = turns->count; i > 0; i--) {
		const struct turn *turn = &turns->list[i - 1];

		if (turn->method == CONFIRM_ASKPASS && another_follows)
			turns_spend(turns, CONFIRM_ASKPASS, LACK_AWAY);
		another_follows = another_follows || !turn->is_spent;
	}
}

static const char *why_none(const struct turns *turns) {
	const char *reason = "missing";

	for (size_t i = 0; i < turns->count; i++) {
		if (turns->list[i].lack == LACK_PIN_LOCKED)
			return "pin-locked";
		if (turns->list[i].lack == LACK_NOT_PINNED)
			reason = "key-not-pinned";
	}
	return reason;
}

const char *asker_turns(struct turns *ret, const struct asker *asker,
                        const struct confirm_terms *terms, enum presence presence) {
	struct turns_lacks lacks;

	for (unsigned i = 0; i < CONFIRM_METHOD_COUNT; i++)
		lacks.of[i] = lack_of(asker, terms, (enum confirm_method)(1U << i));
	turns_begin(ret, listed(asker, terms, presence), &terms->order, &lacks);
	pass_over_windows(asker, ret, presence);
	return turns_asks(ret) != 0 ? NULL : why_none(ret);
}

void asker_policy_changed(struct asker *asker) {
	size_t n = grants_revoke_all(asker->grants);

	screens_policy_changed(asker->screens);
	if (n > 0)
		guard_note(asker->guard, "grants-revoked", NULL, "another policy is in force");
}

void asker_floor_changed(struct asker *asker) {
	asker_policy_changed(asker);
	touching_floor_changed(asker->touching);
}

struct grants *asker_grants(struct asker *asker) {
	if (grants_slept(asker->grants, platform_slept_ns()))
		guard_note(asker->guard, "grants-revoked", NULL, "the machine has slept");
	return asker->grants;
}

bool asker_is_enrolled(const struct asker *asker, const char *name) {
	return enrolment_named(&asker->touching->enrolment, name) != NULL ||
	       otp_slots_named(&asker->slots->enrolled, name) != NULL;
}

const struct prompt *asker_touched_prompt(const struct asker *asker) {
	const struct prompt *prompt = broker_prompts(asker->broker);

	while (prompt != NULL && !touching_wants(prompt) && !slots_want(prompt))
		prompt = prompt->next;
	return prompt;
}

/* None is added while it is locked. Each may end others, so the list is looked at anew each time. */
void asker_pin_is_locked(struct asker *asker, enum confirm_method method) {
	uint64_t last = 0;
	const struct prompt *prompt = broker_prompts(asker->broker);

	while (prompt != NULL) {
		if (prompt->id > last) {
			last = prompt->id;
			broker_spend(asker->broker, prompt->id, method, LACK_PIN_LOCKED,
			             "pin-locked", clock_mono_ns());
			prompt = broker_prompts(asker->broker);
		} else {
			prompt = prompt->next;
		}
	}
	asker_watch_clock(asker);
}

/* ---- from start to end ---- */

int asker_new(struct asker **ret, struct guard *guard, const char *directory) {
	struct asker *asker = calloc(1, sizeof(*asker));
	const struct broker_calls calls = {on_opened, on_closed, on_turned, asker};
	int error;

	if (asker == NULL)
		return -ENOMEM;
	asker->guard = guard;
	asker->directory = directory;
	postbox_clear(directory);
	tickets_init(&asker->tickets);
	ev_init(&asker->due, on_due);
	ev_init(&asker->turn, on_turn);
	asker->due.data = asker->turn.data = asker;
	error = broker_new(&asker->broker, &calls);
	if (error == 0)
		error = grants_new(&asker->grants);
	if (error == 0)
		error = screens_new(&asker->screens, asker);
	if (error == 0) {
		asker_grants(asker);
		screens_look(asker->screens);
	}
	if (error == 0)
		error = platform_own_program(&asker->own_program);
	if (error == 0)
		program_file_mark(asker->program_file, asker->own_program);
	if (error < 0) {
		asker_free(asker);
		return error;
	}
	error = asker_load_pin(asker);
	if (error == 0)
		error = touching_new(&asker->touching, asker);
	if (error == 0)
		error = slots_new(&asker->slots, asker);
	if (error == 0)
		error = popup_new(&asker->popup, asker);
	if (error < 0) {
		asker_free(asker);
		return error;
	}
	*ret = asker;
	return 0;
}

void asker_free(struct asker *asker) {
	if (asker == NULL)
		return;
	asker_control_end(asker);
	ev_timer_stop(asker->guard->loop, &asker->due);
	hashing_cancel(asker->hashing);
	storing_cancel(asker->pin_storing);
	own_file_deinit(&asker->pin_file);
	secret_free(asker->new_pin, PIN_LEN_MAX + 1);
	broker_free(asker->broker);
	slots_free(asker->slots);
	touching_free(asker->touching);
	popup_free(asker->popup);
	ev_timer_stop(asker->guard->loop, &asker->turn);
	grants_free(asker->grants);
	screens_free(asker->screens);
	free(asker->own_program);
	free(asker);
}
