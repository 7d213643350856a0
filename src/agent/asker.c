#include "agent/asker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

#define LINE_LEN_MAX 2048
#define PINS         ((unsigned)CONFIRM_PIN | CONFIRM_OTP_PIN)

int nonce_new(char ret[static NONCE_SIZE]) {
	uint8_t random[(NONCE_SIZE - 1) / 2];

	if (getentropy(random, sizeof(random)) < 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(ret + 2 * i, 3, "%02x", random[i]);
	return 0;
}

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
	    (prompt->question->methods & CONFIRM_ASKPASS) == 0)
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
	if (error < 0)
		diag_error("%s: %s", askpass_program(), strerror(-error));
}

static void look_at_windows(struct asker *asker) {
	ev_timer_stop(asker->guard->loop, &asker->turn);
	ev_timer_set(&asker->turn, 0., 0.);
	ev_timer_start(asker->guard->loop, &asker->turn);
}

static void on_opened(void *data, struct prompt *prompt) {
	struct asker *asker = data;
	struct showing *showing = calloc(1, sizeof(*showing));
	int error = showing == NULL ? -ENOMEM : 0;

	if (showing != NULL)
		*showing = (struct showing){
			.asker = asker, .prompt = prompt->id, .asked_us = clock_real_us()};
	prompt->shown = showing;
	/* A script cannot read what changes, and agree to it. */
	if (error == 0 && (prompt->question->methods & CONFIRM_PIN) != 0 &&
	    prompt->question->body == NULL)
		error = open_postbox(asker, prompt, showing);
	if (error < 0)
		diag_error("%s: %s (requests are answered by `ssh-agent-guard confirm` alone)",
		           asker->directory, strerror(-error));
	diag_info("a request waits for your yes: ssh-agent-guard confirm %llu",
	          (unsigned long long)prompt->id);
	tell_pending(asker, prompt);
	screens_look(asker->screens);
	look_at_windows(asker);
	touching_look(asker->touching);
	popup_look(asker->popup);
	slots_look(asker->slots);
	guard_status_changed(asker->guard);
}

/* Those who look at it, and wait. */
static void tell_waiting(struct asker *asker, const struct showing *showing,
                         enum prompt_state state) {
	bool granted = state == PROMPT_GRANTED;

	for (size_t i = 0; i < WAITING_MAX; i++)
		if (showing->waiting[i] != 0 && asker->control != NULL)
			control_answer(asker->control, showing->waiting[i],
			               granted ? CONTROL_OK : CONTROL_FAILED,
			               bytes_of_text(granted                  ? "confirmed\n"
			                             : state == PROMPT_DENIED ? "denied"
			                                                      : "not answered"));
}

static void on_closed(void *data, struct prompt *prompt) {
	struct asker *asker = data;
	struct showing *showing = prompt->shown;

	if (showing != NULL) {
		postbox_free(showing->postbox);
		askpass_free(showing->askpass);
		tell_waiting(asker, showing, prompt->state);
	}
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

/* The PIN of a YubiKey's slot, where one is enrolled: that takes the YubiKey as well. */
static unsigned with_one_pin(const struct asker *asker, unsigned methods, const char **ret_reason) {
	if ((methods & CONFIRM_OTP_PIN) != 0 && slots_can(asker->slots, OTP_PIN)) {
		methods &= ~(unsigned)CONFIRM_PIN;
		if (!slots_pin_is_locked(asker->slots))
			return methods;
		*ret_reason = "pin-locked";
	}
	methods &= ~(unsigned)CONFIRM_OTP_PIN;
	if ((methods & CONFIRM_PIN) == 0)
		return methods;
	if (pin_is_locked(&asker->pin, clock_real_us()))
		*ret_reason = "pin-locked";
	else if (asker->pin.hash[0] != '\0')
		return methods;
	return methods & ~(unsigned)CONFIRM_PIN;
}

unsigned asker_methods(const struct asker *asker, const struct confirm_terms *terms,
                       enum presence presence, const char **ret_reason) {
	unsigned methods = by_presence(asker, terms, presence);

	*ret_reason = "missing";
	if ((methods & CONFIRM_TOUCH) != 0 && touching_is_barred(asker->touching, terms->pin != 0))
		*ret_reason = "key-not-pinned";
	if (!touching_can(asker->touching, terms->pin != 0))
		methods &= ~(unsigned)CONFIRM_TOUCH;
	/* The PIN of a key, where there is one; else that of the account. */
	if (terms->pin != 0)
		methods &= (methods & CONFIRM_TOUCH) != 0 ? CONFIRM_TOUCH : PINS;
	if (!slots_can(asker->slots, OTP_TOUCH))
		methods &= ~(unsigned)CONFIRM_OTP;
	if (askpass_program() == NULL)
		methods &= ~(unsigned)CONFIRM_ASKPASS;
	return with_one_pin(asker, methods, ret_reason);
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

/* None is added while it is locked. */
void asker_deny_where_alone(struct asker *asker, enum confirm_method method) {
	const struct prompt *prompt = broker_prompts(asker->broker);

	while (prompt != NULL) {
		if (prompt->question->methods == (unsigned)method) {
			broker_deny(asker->broker, prompt->id, method, "pin-locked",
			            clock_mono_ns());
			prompt = broker_prompts(asker->broker);
		} else {
			prompt = prompt->next;
		}
	}
	asker_watch_clock(asker);
}

/* ---- from start to end ---- */

static void load_pin(struct asker *asker) {
	int error = pin_load(&asker->pin, asker->guard->state_fd);

	if (error < 0 && error != -ENOENT) {
		asker->pin_error = error;
		diag_error(
			"%s in the state directory: %s (the PIN cannot be used; to enroll another "
			"one, remove the file and start the guard again)",
			PIN_FILE, strerror(-error));
	}
}

int asker_new(struct asker **ret, struct guard *guard, const char *directory) {
	struct asker *asker = calloc(1, sizeof(*asker));
	const struct broker_calls calls = {on_opened, on_closed, asker};
	int error;

	if (asker == NULL)
		return -ENOMEM;
	asker->guard = guard;
	asker->directory = directory;
	postbox_clear(directory);
	for (size_t i = 0; i < TICKETS_MAX; i++)
		asker->tickets[i].watch = -1;
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
	if (error < 0) {
		asker_free(asker);
		return error;
	}
	load_pin(asker);
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
