/* The OTP slots themselves: the helper that asks them, one at a time, and the file of what is
 * expected of them, which is written before anything counts. What the helper is asked for, and what
 * becomes of its answers, is for slots_prompt.c, slots_change.c and slots_answers.c. */
#include "agent/slots_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/touching.h"
#include "base/clock.h"
#include "base/secret.h"
#include "confirm/otp_child.h"

static const char cannot_write[] = "the state directory cannot be written";

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

void slots_answer_call(struct slots *slots, enum control_result result, const char *text) {
	uint64_t call = slots->call;

	slots->call = 0;
	if (call != 0 && slots->asker->control != NULL)
		control_answer(slots->asker->control, call, result, bytes_of_text(text));
}

void slots_fail(struct slots *slots, const char *text) {
	slots_answer_call(slots, CONTROL_FAILED, text);
	if (slots->change != SLOTS_CHANGE_NONE)
		slots_change_failed(slots, text);
	else
		slots_call_off(slots);
}

/* ---- the helper ---- */

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
	const struct helper_calls calls = {slots_said, slots_lost, on_ended, slots};
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

/* ---- what is written down ---- */

static int store(struct slots *slots, const struct otp_slots *what, storing_done *done) {
	struct guard *guard = slots->asker->guard;
	CLEANUP(buffer_deinit) struct buffer text = {0};

	otp_slots_put(&text, what);
	if (buffer_error(&text) < 0)
		return buffer_error(&text);
	slots->writing = *what;
	return storing_start(&slots->storing, guard->loop, guard->state_fd, OTP_FILE,
	                     buffer_bytes(&text), done, slots);
}

static void on_stored(void *data, int error) {
	struct slots *slots = data;

	slots->storing = NULL;
	if (error == 0) {
		slots->enrolled = slots->next;
		slots_file_written(slots);
	}
	if (error < 0) {
		guard_note(slots->asker->guard, "otp-failed", NULL, cannot_write);
		slots_fail(slots, cannot_write);
		if (slots->has_prompt)
			slots_give_up(slots, LACK_FAILED, "otp-failed");
	} else if (!slots->is_right) {
		slots_change_stored(slots);
	} else if (slots->change == SLOTS_CHANGE_NONE) {
		slots->is_right = false;
		slots_say_yes(slots);
	} else {
		slots->is_right = false;
		slots_change_agreed(slots);
	}
	settle(slots);
}

int slots_store(struct slots *slots) {
	return store(slots, &slots->next, on_stored);
}

/* The YubiKey is not asked, so it was no try: a disk that is full locks nobody out. */
static void not_counted(struct slots *slots) {
	slots->enrolled.tries = slots->written.tries;
	slots_fail(slots, cannot_write);
}

/* The try of a PIN is on the disk, or is not; whoever typed it may have left meanwhile. */
static void on_counted(void *data, int error) {
	struct slots *slots = data;

	slots->storing = NULL;
	if (error == 0)
		slots_file_written(slots);
	if (slots->state != SLOTS_ASKS)
		settle(slots);
	else if (error < 0)
		not_counted(slots);
	else if (!slots_ask_expected(slots))
		slots_lost(slots);
}

void slots_store_try(struct slots *slots) {
	if (store(slots, &slots->enrolled, on_counted) < 0)
		not_counted(slots);
}

/* ---- the whole ---- */

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct slots *slots = watcher->data;

	(void)loop, (void)revents;
	if (slots->change != SLOTS_CHANGE_NONE && !slots->has_begun) {
		slots->has_begun = true;
		slots_change_goes_on(slots);
	} else if (slots->change != SLOTS_CHANGE_NONE) {
		slots_fail(slots, "no YubiKey answered in time; nothing was changed");
	} else if (slots->state == SLOTS_STANDS) {
		slots_stood(slots);
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
	own_file_deinit(&slots->file);
	ev_timer_stop(slots->asker->guard->loop, &slots->timer);
	helper_free(slots->helper);
	storing_cancel(slots->storing);
	secret_free(slots->yes_pin, PIN_LEN_MAX + 1);
	proof_unref(slots->proof);
	free(slots);
}
