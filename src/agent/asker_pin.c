/* The PIN of the account: it is hashed by a child, and says yes to what it was typed for. What is
 * enrolled is changed by a yes, too: by the PIN, or by what else is enrolled. */
#include "agent/asker.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "agent/slots.h"
#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/secret.h"

static const char cannot_write[] = "the state directory cannot be written";
static const char could_not_check[] = "the PIN could not be checked";

/* ---- its file ---- */

/* Only one that is there: what is not is looked for every few seconds. */
static void file_written(struct asker *asker) {
	asker->pin_written = asker->pin_writing;
	own_file_written(&asker->pin_file);
	own_file_watch(&asker->pin_file);
}

int asker_save_pin(struct asker *asker, const struct pin *pin) {
	int error;

	asker->pin_writing = *pin;
	error = pin_save(pin, asker->guard->state_fd);
	if (error == 0)
		file_written(asker);
	return error;
}

static bool same(const struct pin *a, const struct pin *b) {
	return strcmp(a->hash, b->hash) == 0 && a->failures == b->failures &&
	       a->locked_until_us == b->locked_until_us;
}

/* Somebody else has changed it: that takes the PIN, so it is not used. */
static void look_at_file(void *data) {
	struct asker *asker = data;
	struct pin found = {0};
	int error = pin_load(&found, asker->guard->state_fd);

	if ((error == 0 || error == -ENOENT) &&
	    (same(&found, &asker->pin_written) || same(&found, &asker->pin_writing)))
		return;
	/* One that could not be read from the beginning. */
	if (error < 0 && error == asker->pin_error)
		return;
	/* It is told once. */
	own_file_written(&asker->pin_file);
	if (error == -ENOENT)
		own_file_leave(&asker->pin_file);
	guard_note(
		asker->guard, "enrolment-changed", NULL,
		"the file of the PIN was changed by another program; what was set before stays in "
		"force");
	guard_notice(
		asker->guard,
		"the file of the PIN was changed by another program; the guard does not use it, "
		"but will after a restart (look at ssh-agent-guard enroll --list)");
}

int asker_load_pin(struct asker *asker) {
	struct guard *guard = asker->guard;
	const struct own_file_calls calls = {look_at_file, look_at_file, asker};
	int error = own_file_init(&asker->pin_file, guard, PIN_FILE, &calls);

	if (error < 0)
		return error;
	error = pin_load(&asker->pin, guard->state_fd);
	if (error < 0 && error != -ENOENT) {
		asker->pin_error = error;
		diag_error(
			"%s in the state directory: %s (the PIN cannot be used; to enroll another "
			"one, remove the file and start the guard again)",
			PIN_FILE, strerror(-error));
	}
	asker->pin_writing = asker->pin;
	if (error != -ENOENT)
		file_written(asker);
	return 0;
}

/* ---- what comes of it ---- */

/* text: NULL where the call is answered by somebody else. */
static void pin_done(struct asker *asker, enum control_result result, const char *text) {
	uint64_t call = asker->pin_call;

	asker->pin_use = PIN_USE_NONE;
	asker->hashing = NULL;
	asker->pin_call = asker->pin_prompt = 0;
	secret_free(asker->new_pin, PIN_LEN_MAX + 1);
	asker->new_pin = NULL;
	OPENSSL_cleanse(asker->pin_hashed, sizeof(asker->pin_hashed));
	if (call != 0 && asker->control != NULL)
		control_answer(asker->control, call, result, bytes_of_text(text));
}

static bool is_checking(const struct asker *asker) {
	return asker->pin_use != PIN_USE_NONE || asker->pin_storing != NULL;
}

static void on_hashed(void *data, const char *hash);
static void on_counted(void *data, int error);

static const char *pin_hash(struct asker *asker, enum pin_use use, const char *pin,
                            const char *setting) {
	int error = hashing_start(&asker->hashing, asker->guard->loop, pin, setting, on_hashed,
	                          asker);

	if (error < 0)
		return "the PIN cannot be checked now";
	asker->pin_use = use;
	return NULL;
}

/* Nothing came of it for anybody, so it was none: a disk that is full locks nobody out. */
static void uncount_try(struct asker *asker) {
	asker->pin.failures = asker->pin_written.failures;
	asker->pin.locked_until_us = asker->pin_written.locked_until_us;
}

/* A try that the disk does not keep in mind, whatever becomes of the machine, would be one too
 * many: what comes of it is told once it is there. */
static int count_try(struct asker *asker) {
	struct guard *guard = asker->guard;
	CLEANUP(buffer_deinit) struct buffer text = {0};

	pin_count(&asker->pin, clock_real_us());
	pin_put(&text, &asker->pin);
	if (buffer_error(&text) < 0)
		return buffer_error(&text);
	asker->pin_writing = asker->pin;
	return storing_start(&asker->pin_storing, guard->loop, guard->state_fd, PIN_FILE,
	                     buffer_bytes(&text), on_counted, asker);
}

static const char *check_pin(struct asker *asker, enum pin_use use, const char *pin) {
	if (is_checking(asker))
		return "another PIN is being checked; try again";
	if (asker->pin.hash[0] == '\0')
		return "no PIN is enrolled (ssh-agent-guard enroll pin)";
	if (pin_is_locked(&asker->pin, clock_real_us()))
		return "the PIN is locked, because it was wrong too often; wait";
	if (count_try(asker) < 0) {
		uncount_try(asker);
		return cannot_write;
	}
	return pin_hash(asker, use, pin, asker->pin.hash);
}

const char *asker_try_pin(struct asker *asker, uint64_t prompt, const char *pin, const char *via,
                          uint64_t call) {
	const struct prompt *asked = broker_find(asker->broker, prompt);
	const char *failed;

	if (asked == NULL)
		return "nothing waits for that any more";
	/* It is not even looked at: a guess tells nothing. */
	if (!turns_may_answer(&asked->turns, CONFIRM_PIN))
		return "another method is asked first, so the PIN says nothing to it";
	failed = check_pin(asker, PIN_USE_CONFIRM, pin);
	if (failed != NULL)
		return failed;
	asker->pin_prompt = prompt;
	asker->pin_call = call;
	asker->pin_via = via;
	return NULL;
}

static void key_may_be_enrolled(struct asker *asker);

static const char *keep_new(struct asker *asker, const char *name, const char *pin) {
	asker->new_pin = secret_new(PIN_LEN_MAX + 1);
	if (asker->new_pin == NULL)
		return "there is no memory that is never swapped";
	snprintf(asker->new_pin, PIN_LEN_MAX + 1, "%s", pin);
	snprintf(asker->new_name, sizeof(asker->new_name), "%s", name);
	return NULL;
}

static const char *keep_new_unless(struct asker *asker, const char *failed, uint64_t call) {
	if (failed != NULL) {
		secret_free(asker->new_pin, PIN_LEN_MAX + 1);
		asker->new_pin = NULL;
		asker->pin_use = PIN_USE_NONE;
		return failed;
	}
	asker->pin_call = call;
	return NULL;
}

static void on_slot_agreed(void *data, const char *why_not) {
	struct asker *asker = data;

	if (why_not == NULL && asker->pin_use == PIN_USE_ENROLL_NEW)
		why_not = pin_hash(asker, PIN_USE_ENROLL_NEW, asker->new_pin, NULL);
	else if (why_not == NULL) {
		key_may_be_enrolled(asker);
		return;
	}
	if (why_not != NULL)
		pin_done(asker, CONTROL_FAILED, why_not);
}

/* Where neither a security key nor the PIN of the account can say yes, a slot has to. */
static bool slot_says_yes(const struct asker *asker) {
	return asker->pin.hash[0] == '\0' && !touching_has_keys(asker->touching) &&
	       (slots_can(asker->slots, OTP_TOUCH) || slots_can(asker->slots, OTP_PIN));
}

static const char *agree_by_slot(struct asker *asker, enum pin_use use, const char *pin) {
	const char *failed = slots_agree(asker->slots, pin, on_slot_agreed);

	if (failed == NULL)
		asker->pin_use = use;
	return failed;
}

const char *asker_enroll_pin(struct asker *asker, const char *old_pin, const char *new_pin,
                             uint64_t call) {
	const char *failed;

	if (is_checking(asker))
		return "another PIN is being checked; try again";
	if (asker->pin_error < 0)
		return "the file of the PIN cannot be read; see the guard's messages";
	if (asker->slots->error < 0)
		return "the file of the YubiKeys cannot be read; see the guard's messages";
	/* Or the first slot would find that a PIN stands beside it that it said no yes to. */
	if (asker->slots->change != SLOTS_CHANGE_NONE)
		return "what says yes is being changed already";
	failed = keep_new(asker, "", new_pin);
	if (failed != NULL)
		return failed;
	if (asker->pin.hash[0] != '\0')
		failed = check_pin(asker, PIN_USE_ENROLL_OLD, old_pin);
	else if (slot_says_yes(asker))
		failed = agree_by_slot(asker, PIN_USE_ENROLL_NEW, old_pin);
	else
		failed = pin_hash(asker, PIN_USE_ENROLL_NEW, new_pin, NULL);
	return keep_new_unless(asker, failed, call);
}

const char *asker_enroll_key(struct asker *asker, const char *name, const char *old_pin,
                             const char *pin, uint64_t call) {
	bool by_slot = slot_says_yes(asker);
	const char *failed;

	if (is_checking(asker))
		return "another PIN is being checked; try again";
	if (asker->pin_error < 0)
		return "the file of the PIN cannot be read; see the guard's messages";
	if (asker->slots->error < 0)
		return "the file of the YubiKeys cannot be read; see the guard's messages";
	/* Where keys are enrolled, a touch of one of them says yes to another one. */
	if (!by_slot && (asker->pin.hash[0] == '\0' || touching_has_keys(asker->touching)))
		return touching_enroll(asker->touching, name, pin, call);
	failed = keep_new(asker, name, pin);
	if (failed == NULL)
		failed = by_slot ? agree_by_slot(asker, PIN_USE_ENROLL_KEY, old_pin)
		                 : check_pin(asker, PIN_USE_ENROLL_KEY, old_pin);
	return keep_new_unless(asker, failed, call);
}

const char *asker_change_slots(struct asker *asker, const char *name, uint8_t slot,
                               const char *old_pin, const char *pin, uint64_t call) {
	const struct slots_wish wish = {name, *pin != '\0' ? OTP_PIN : OTP_TOUCH, slot, pin};
	const char *failed;

	if (is_checking(asker))
		return "another PIN is being checked; try again";
	if (asker->pin_error < 0 || asker->touching->error < 0)
		return "a file of what says yes cannot be read; see the guard's messages";
	if (asker->pin.hash[0] == '\0' || touching_has_keys(asker->touching))
		return slot != 0 ? slots_enroll(asker->slots, &wish, old_pin, false, call)
		                 : slots_remove(asker->slots, name, old_pin, false, call);
	failed = keep_new(asker, name, pin);
	asker->new_slot = slot;
	asker->new_slot_takes_pin = *pin != '\0';
	if (failed == NULL)
		failed = check_pin(asker, PIN_USE_SLOTS, old_pin);
	return keep_new_unless(asker, failed, call);
}

static void pin_wrong(struct asker *asker) {
	bool locked = pin_is_locked(&asker->pin, clock_real_us());
	char text[128], until[CLOCK_STAMP_SIZE];

	if (locked) {
		clock_stamp(until, asker->pin.locked_until_us);
		snprintf(text, sizeof(text), "wrong PIN; it is locked until %s", until);
	} else {
		snprintf(text, sizeof(text), "wrong PIN; %u more and it is locked",
		         PIN_TRIES - asker->pin.failures);
	}
	guard_note(asker->guard, locked ? "pin-locked" : "pin-wrong", NULL, text);
	pin_done(asker, locked ? CONTROL_FAILED : CONTROL_AGAIN, text);
	if (locked)
		asker_pin_is_locked(asker, CONFIRM_PIN);
}

/* What the PIN, or a YubiKey, was to say yes to. */
static void key_may_be_enrolled(struct asker *asker) {
	uint64_t call = asker->pin_call;
	const struct slots_wish wish = {
		.name = asker->new_name,
		.kind = asker->new_slot_takes_pin ? OTP_PIN : OTP_TOUCH,
		.slot = asker->new_slot,
		.pin = asker->new_pin,
	};
	const char *failed;

	if (asker->pin_use == PIN_USE_ENROLL_KEY)
		failed = touching_enroll(asker->touching, asker->new_name, asker->new_pin, call);
	else if (asker->new_slot != 0)
		failed = slots_enroll(asker->slots, &wish, "", true, call);
	else
		failed = slots_remove(asker->slots, asker->new_name, "", true, call);

	/* It is answered once the key has been touched. */
	if (failed == NULL)
		asker->pin_call = 0;
	pin_done(asker, CONTROL_FAILED, failed);
}

static void pin_right(struct asker *asker) {
	uint64_t prompt = asker->pin_prompt;
	const char *via = asker->pin_via;
	const char *failed;

	pin_was_right(&asker->pin);
	if (asker_save_pin(asker, &asker->pin) < 0)
		diag_error("%s: cannot be written", PIN_FILE);
	if (asker->pin_use == PIN_USE_ENROLL_OLD) {
		failed = pin_hash(asker, PIN_USE_ENROLL_NEW, asker->new_pin, NULL);
		if (failed != NULL)
			pin_done(asker, CONTROL_FAILED, failed);
		return;
	}
	if (asker->pin_use == PIN_USE_ENROLL_KEY || asker->pin_use == PIN_USE_SLOTS) {
		key_may_be_enrolled(asker);
		return;
	}
	if (broker_grant(asker->broker, prompt, CONFIRM_PIN, via))
		pin_done(asker, CONTROL_OK, "confirmed\n");
	else
		pin_done(asker, CONTROL_FAILED, "nothing waits for that any more");
	asker_watch_clock(asker);
}

static void pin_enrolled(struct asker *asker, const char *hash) {
	struct pin made = {0};

	strcpy(made.hash, hash);
	/* The first one, where a security key can say yes to it. */
	if (asker->pin.hash[0] == '\0' && touching_has_keys(asker->touching)) {
		const char *failed = touching_set_pin(asker->touching, hash, asker->pin_call);

		if (failed == NULL)
			asker->pin_call = 0;
		pin_done(asker, CONTROL_FAILED, failed);
		return;
	}
	if (asker_save_pin(asker, &made) < 0) {
		pin_done(asker, CONTROL_FAILED, cannot_write);
		return;
	}
	asker->pin = made;
	guard_note(asker->guard, "enrolled", NULL, "pin");
	pin_done(asker, CONTROL_OK, "");
}

/* Once it is both hashed and counted. */
static void settle_try(struct asker *asker) {
	if (asker->hashing != NULL || asker->pin_storing != NULL)
		return;
	if (asker->pin_count_error < 0) {
		uncount_try(asker);
		pin_done(asker, CONTROL_FAILED, cannot_write);
	} else if (asker->pin_hashed[0] == '\0')
		pin_done(asker, CONTROL_FAILED, could_not_check);
	else if (hash_same(asker->pin_hashed, asker->pin.hash))
		pin_right(asker);
	else
		pin_wrong(asker);
}

static void on_counted(void *data, int error) {
	struct asker *asker = data;

	asker->pin_storing = NULL;
	asker->pin_count_error = error;
	if (error == 0)
		file_written(asker);
	/* Else its hashing could not even begin. */
	if (asker->pin_use != PIN_USE_NONE)
		settle_try(asker);
}

static void on_hashed(void *data, const char *hash) {
	struct asker *asker = data;

	asker->hashing = NULL;
	switch (asker->pin_use) {
	case PIN_USE_NONE: break;
	case PIN_USE_CONFIRM:
	case PIN_USE_ENROLL_OLD:
	case PIN_USE_ENROLL_KEY:
	case PIN_USE_SLOTS:
		snprintf(asker->pin_hashed, sizeof(asker->pin_hashed), "%s",
		         hash != NULL ? hash : "");
		settle_try(asker);
		break;
	case PIN_USE_ENROLL_NEW:
		if (hash != NULL)
			pin_enrolled(asker, hash);
		else
			pin_done(asker, CONTROL_FAILED, could_not_check);
		break;
	}
}
