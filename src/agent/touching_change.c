/* A change of what is enrolled, which a security key says yes to where one is enrolled. */
#include "agent/touching_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/slots.h"
#include "base/clock.h"
#include "base/diag.h"

static void change_end(struct touching *touching, enum control_result result, const char *text) {
	bool is_of_slots = touching->change == CHANGE_SLOTS;

	touching->change = CHANGE_NONE;
	touching_answer_call(touching, result, text);
	if (is_of_slots)
		slots_touched(touching->asker->slots, result == CONTROL_OK ? NULL : text,
		              touching->proof);
	touching_call_off(touching);
	touching_look(touching);
	slots_look(touching->asker->slots);
}

void touching_change_failed(struct touching *touching, const char *text) {
	change_end(touching, CONTROL_FAILED, text);
}

static void tell_change(struct touching *touching, const char *detail) {
	struct guard *guard = touching->asker->guard;
	const struct event event = {
		.real_us = clock_real_us(),
		.trigger = "enrolled",
		.detail = detail,
		.config_sha256 = policy_sha256(guard->policy),
		.proof = touching->proof,
	};

	if (guard_event(guard, &event) < 0)
		diag_error("the log cannot be written");
}

/* What the next enrolment has that this one has not, or the other way round. */
static void tell_keys(struct touching *touching, const struct enrolment *before) {
	const struct enrolment *after = &touching->enrolment;
	bool is_new = after->count > before->count;
	const struct enrolled_key *key = enrolment_named(is_new ? after : before, touching->name);
	char id[HEX_SIZE(CREDENTIAL_LEN_MAX)], point[HEX_SIZE(POINT_LEN)];
	char detail[sizeof(id) + sizeof(point) + KEY_NAME_LEN_MAX + 128];

	if (key == NULL)
		return;
	hex_put(id, (struct bytes){key->id, key->id_len});
	hex_put(point, BYTES(key->point));
	snprintf(detail, sizeof(detail), "fido2 %s: %s; public key %s, credential %s%s", key->name,
	         is_new ? "added" : "removed", point, id,
	         is_new && !touching_names(touching, key)
	                 ? "; the system floor does not name it, so it says no yes"
	                 : "");
	tell_change(touching, detail);
}

/* One that is not there any more says nothing, as it should. */
static bool says_yes(const struct touching *touching, const char *name) {
	const struct enrolled_key *key = enrolment_named(&touching->enrolment, name);

	return key == NULL || touching_names(touching, key);
}

void touching_change_do(struct touching *touching) {
	struct asker *asker = touching->asker;
	const struct enrolment before = touching->enrolment;
	const char *answer = "";
	struct pin pin = {0};

	switch (touching->change) {
	case CHANGE_NONE:
	case CHANGE_MAKE: return;
	case CHANGE_KEYS:
		if (touching_keys_save(touching, &touching->next) < 0) {
			touching_change_failed(touching, "the state directory cannot be written");
			return;
		}
		touching->enrolment = touching->next;
		tell_keys(touching, &before);
		if (!says_yes(touching, touching->name))
			answer =
				"the system floor does not name it, so it says no yes; give its "
				"public key (ssh-agent-guard enroll --list) to the administrator\n";
		break;
	case CHANGE_PIN:
		strcpy(pin.hash, touching->pin_hash);
		if (asker_save_pin(asker, &pin) < 0) {
			touching_change_failed(touching, "the state directory cannot be written");
			return;
		}
		asker->pin = pin;
		tell_change(touching, "pin");
		break;
	case CHANGE_SLOTS: break;
	}
	change_end(touching, CONTROL_OK, answer);
}

static bool has_other(const struct touching *touching) {
	const struct asker *asker = touching->asker;

	return asker->pin.hash[0] != '\0' || slots_can(asker->slots, OTP_TOUCH) ||
	       slots_can(asker->slots, OTP_PIN);
}

static int change_digests(const struct touching *touching, struct touch_proof *proof) {
	int error = enrolment_digest(proof->before, &touching->enrolment);

	if (error < 0)
		return error;
	return touching->change == CHANGE_PIN
	               ? digest_hex(proof->after, bytes_of_text(touching->pin_hash))
	               : enrolment_digest(proof->after, &touching->next);
}

/* The first key is let in by what let its person in before; later ones by a touch. */
int touching_change_begin(struct touching *touching) {
	struct touch_proof *proof;
	int error = 0;

	if (touching->enrolment.count == 0) {
		if (!touching->had_other && has_other(touching))
			touching_change_failed(
				touching,
				touching->asker->pin.hash[0] != '\0'
					? "a PIN was set meanwhile; begin again"
					: "a YubiKey was enrolled meanwhile; begin again");
		else
			touching_change_do(touching);
		return 0;
	}
	error = proof_new(&touching->proof);
	proof = touching->proof;
	if (error == 0 && touching->change == CHANGE_SLOTS) {
		strcpy(proof->before, touching->slots_before);
		strcpy(proof->after, touching->slots_after);
	} else if (error == 0) {
		error = change_digests(touching, proof);
	}
	if (error == 0)
		error = proof_challenge(touching->challenge, proof);
	touching->verified = false;
	return error < 0 ? error : touching_ask(touching, TOUCH_GET, NULL);
}

/* For a call that has not been told to wait yet. */
static const char *begin_change_for_call(struct touching *touching) {
	if (touching_change_begin(touching) == 0)
		return NULL;
	touching->call = 0;
	touching_change_failed(touching, "");
	return touch_failure_text(TOUCH_BROKEN);
}

static const char *why_no_change(const struct touching *touching) {
	if (touching->error < 0)
		return "the file of the security keys cannot be read; see the guard's messages";
	if (touching->change != CHANGE_NONE || touching->asker->slots->change != SLOTS_CHANGE_NONE)
		return "what says yes is being changed already";
	if (touching->state != TOUCHING_IDLE || slots_are_busy(touching->asker->slots) ||
	    asker_touched_prompt(touching->asker) != NULL)
		return "requests wait for a touch; answer them first (ssh-agent-guard pending)";
	return NULL;
}

static void change_starts(struct touching *touching, enum touching_change change, uint64_t call) {
	touching->change = change;
	touching->had_other = has_other(touching);
	touching->call = call;
	touching->live = 0;
	touching->next = touching->enrolment;
	touching_start_timer(touching, CHANGE_S);
}

const char *touching_enroll(struct touching *touching, const char *name, const char *pin,
                            uint64_t call) {
	const char *why_not = why_no_change(touching);
	static const uint8_t no_challenge[CHALLENGE_LEN];

	if (why_not != NULL)
		return why_not;
	if (!key_name_is_fit(name))
		return "a name has 1 to 32 letters, digits, '.', '_' and '-'";
	if (asker_is_enrolled(touching->asker, name))
		return "something of that name is enrolled; give another --name";
	if (touching->enrolment.count == ENROLLED_MAX)
		return "no more keys can be enrolled; remove one";
	change_starts(touching, CHANGE_MAKE, call);
	strcpy(touching->name, name);
	/* Nobody looks at what a key attests of itself. */
	memcpy(touching->challenge, no_challenge, CHALLENGE_LEN);
	if (touching_ask(touching, TOUCH_MAKE, *pin != '\0' ? pin : NULL) == 0)
		return NULL;
	touching->call = 0;
	touching_change_failed(touching, "");
	return touch_failure_text(TOUCH_BROKEN);
}

const char *touching_remove(struct touching *touching, const char *name, uint64_t call) {
	const char *why_not = why_no_change(touching);

	if (why_not != NULL)
		return why_not;
	if (!key_name_is_fit(name) || enrolment_named(&touching->enrolment, name) == NULL)
		return "no security key of that name is enrolled (ssh-agent-guard enroll --list)";
	change_starts(touching, CHANGE_KEYS, call);
	strcpy(touching->name, name);
	enrolment_remove(&touching->next, name);
	return begin_change_for_call(touching);
}

int touching_agree(struct touching *touching, const char *before, const char *after) {
	if (touching->error < 0 || touching->change != CHANGE_NONE ||
	    touching->state != TOUCHING_IDLE)
		return -EBUSY;
	change_starts(touching, CHANGE_SLOTS, 0);
	strcpy(touching->slots_before, before);
	strcpy(touching->slots_after, after);
	if (touching_change_begin(touching) == 0)
		return 0;
	/* Whoever asked hears of it by this. */
	touching->change = CHANGE_NONE;
	touching_call_off(touching);
	return -EIO;
}

const char *touching_set_pin(struct touching *touching, const char *hash, uint64_t call) {
	const char *why_not = why_no_change(touching);

	if (why_not != NULL)
		return why_not;
	change_starts(touching, CHANGE_PIN, call);
	strcpy(touching->pin_hash, hash);
	return begin_change_for_call(touching);
}

void touching_key_made(struct touching *touching, const struct touch_reply *reply) {
	struct enrolled_key key = {.verifies = reply->verified, .added_us = clock_real_us()};

	strcpy(key.name, touching->name);
	memcpy(key.id, reply->id.data, reply->id.len);
	key.id_len = reply->id.len;
	memcpy(key.point, reply->point.data, POINT_LEN);
	if (touching->change != CHANGE_MAKE || !point_is_valid(key.point) ||
	    enrolment_add(&touching->next, &key) < 0) {
		touching_change_failed(touching, touch_failure_text(TOUCH_BROKEN));
		return;
	}
	/* The other touch is asked for once this helper has let go of the keys. */
	touching->change = CHANGE_KEYS;
}
