/*
 * A YubiKey that is plugged in while somebody waits is found by looking again, as with security
 * keys. The programs are read before this process is confined, and run as copies that their user
 * cannot look into: so another program of the account can neither put its own in their place, nor
 * say what one of them says.
 */
#include "confirm/otp_child.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "confirm/otp_message.h"
#include "confirm/otp_programs.h"
#include "confirm/otp_run.h"
#include "platform/child.h"
#include "platform/platform.h"

#define LOOK_MS   800
#define KEYS_MAX  8     /* that are plugged in, and looked at */
#define INFO_MS   5000  /* ykinfo answers in a tenth of a second */
#define PROBE_MS  5000  /* ykchalresp that does not wait for a touch, too */
#define ANSWER_MS 30000 /* ykchalresp gives up after 15 s by itself */
#define TRIES_MAX 5     /* where another program has the YubiKey, and somebody has typed a PIN */

/* What a guess of the PIN costs, beside asking the YubiKey: 16 MiB, and a twentieth of a second. */
#define SCRYPT_N   16384
#define SCRYPT_R   8
#define SCRYPT_P   1
#define SCRYPT_MAX (UINT64_C(64) * 1024 * 1024)

struct helper {
	struct otp_request request;
	int info_fd, answer_fd; /* images of the programs */
	bool said_anything;
	enum otp_note said; /* last */
	unsigned key;       /* the place of the YubiKey that was found, as the programs count */
	uint32_t serial;    /* its own */
	uint8_t slot;
	bool is_probed; /* it is known to want a touch */
	unsigned tries;
};

static void say(const struct otp_reply *reply) {
	CLEANUP(buffer_deinit) struct buffer message = {0};

	otp_reply_put(&message, reply);
	if (buffer_error(&message) < 0 ||
	    send(CHILD_CHANNEL_FD, message.data, message.len, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void say_note(struct helper *helper, enum otp_note note) {
	if (helper->said_anything && helper->said == note)
		return;
	helper->said_anything = true;
	helper->said = note;
	say(&(struct otp_reply){.kind = OTP_NOTE, .note = note});
}

static _Noreturn void fail(enum otp_failure failure) {
	say(&(struct otp_reply){.kind = OTP_FAILED, .failure = failure});
	_exit(0);
}

/* Whoever typed a PIN waits for what comes of it; a touch may come later. */
static void wait_or_fail(struct helper *helper, enum otp_note note) {
	if (helper->request.kind == OTP_TOUCH) {
		say_note(helper, note);
		return;
	}
	switch (note) {
	case OTP_NOTE_NO_KEY: fail(OTP_ABSENT);
	case OTP_NOTE_NOT_OURS: fail(OTP_STRANGE);
	case OTP_NOTE_NO_SERIAL: fail(OTP_SERIALLESS);
	case OTP_NOTE_EMPTY: fail(OTP_EMPTY);
	case OTP_NOTE_GONE: fail(OTP_PULLED);
	case OTP_NOTE_NO_ACCESS: fail(OTP_FORBIDDEN);
	case OTP_NOTE_BUSY:
	case OTP_NOTE_TOUCH:
	case OTP_NOTE_NO_TOUCH: break;
	}
	if (++helper->tries == TRIES_MAX)
		fail(OTP_SILENT);
}

/* Or ends, once nobody waits any more. */
static void pause_for(int wait_ms) {
	struct pollfd fd = {.fd = CHILD_CHANNEL_FD, .events = POLLIN};

	if (poll(&fd, 1, wait_ms) > 0)
		_exit(0);
}

/* ---- the programs ---- */

static int open_image(const char *path) {
	int fd = -1;
	int error = platform_program_image(&fd, path);

	if (error == 0)
		return fd;
	fail(error == -ENOENT || error == -ENOTDIR ? OTP_MISSING
	     : error == -EACCES                    ? OTP_UNSAFE
	                                           : OTP_BROKEN);
}

static void run(struct otp_outcome *ret, int image_fd, char *const argv[], struct bytes input,
                int limit_ms) {
	const struct otp_run one = {image_fd, argv, input, limit_ms, CHILD_CHANNEL_FD};

	if (otp_run(ret, &one) < 0)
		fail(OTP_BROKEN);
	if (ret->how == OTP_CALLED_OFF)
		_exit(0);
	if (ret->how == OTP_ENDED && ret->status == RUN_STATUS_MISSING)
		fail(OTP_BROKEN);
}

static bool did_well(const struct otp_outcome *outcome) {
	return outcome->how == OTP_ENDED && outcome->status == 0;
}

static enum otp_trouble trouble_of(const struct otp_outcome *outcome) {
	return outcome->how == OTP_TOO_LATE
	               ? OTP_TROUBLE_TIMEOUT
	               : otp_trouble_of((struct bytes){outcome->err, outcome->err_len});
}

static void ask_info(struct otp_outcome *ret, const struct helper *helper, unsigned key) {
	char program[256], place[16];
	char quiet[] = "-q", serial[] = "-s", first[] = "-1", second[] = "-2";
	char *const argv[] = {program, place, quiet, serial, first, second, NULL};

	snprintf(program, sizeof(program), "%s", otp_program_info());
	snprintf(place, sizeof(place), "-n%u", key);
	run(ret, helper->info_fd, argv, (struct bytes){0}, INFO_MS);
}

/* The challenge goes by standard input, so that no list of processes shows it. */
static void ask_answer(struct otp_outcome *ret, const struct helper *helper, struct bytes challenge,
                       bool waits) {
	char program[256], place[16], slot[8], hex[HEX_SIZE(OTP_CHALLENGE_MAX)];
	char is_hex[] = "-x", from_input[] = "-i-", at_once[] = "-N";
	char *const argv[] = {program, place, slot, is_hex, from_input, waits ? NULL : at_once,
	                      NULL};

	snprintf(program, sizeof(program), "%s", otp_program_answer());
	snprintf(place, sizeof(place), "-n%u", helper->key);
	snprintf(slot, sizeof(slot), "-%u", helper->slot);
	hex_put(hex, challenge);
	run(ret, helper->answer_fd, argv, bytes_of_text(hex), waits ? ANSWER_MS : PROBE_MS);
	OPENSSL_cleanse(hex, sizeof(hex));
}

/* ---- what is plugged in ---- */

static enum otp_note note_of(enum otp_trouble trouble) {
	switch (trouble) {
	case OTP_TROUBLE_NO_KEY: return OTP_NOTE_NO_KEY;
	case OTP_TROUBLE_GONE: return OTP_NOTE_GONE;
	case OTP_TROUBLE_BUSY: return OTP_NOTE_BUSY;
	case OTP_TROUBLE_ACCESS: return OTP_NOTE_NO_ACCESS;
	/* Which it does where it was set so. */
	case OTP_TROUBLE_TIMEOUT:
	case OTP_TROUBLE_WANTS_TOUCH:
	case OTP_TROUBLE_OTHER: return OTP_NOTE_NO_SERIAL;
	}
	return OTP_NOTE_NO_KEY;
}

/* false: none of that YubiKey's slots is wanted, and *note says why not. */
static bool take_key(struct helper *helper, unsigned place, const struct otp_key *key,
                     enum otp_note *note) {
	const struct otp_request *request = &helper->request;

	*note = OTP_NOTE_NOT_OURS;
	for (size_t i = 0; i < request->n_wanted; i++) {
		const struct otp_wanted *wanted = &request->wanted[i];

		if (wanted->serial != 0 && wanted->serial != key->serial)
			continue;
		if (!key->has_slot[wanted->slot]) {
			*note = OTP_NOTE_EMPTY;
			continue;
		}
		helper->key = place;
		helper->serial = key->serial;
		helper->slot = wanted->slot;
		helper->is_probed = false;
		say(&(struct otp_reply){
			.kind = OTP_FOUND, .index = (uint8_t)i, .serial = key->serial});
		return true;
	}
	return false;
}

static bool look(struct helper *helper) {
	enum otp_note note = OTP_NOTE_NO_KEY;

	for (unsigned i = 0; i < KEYS_MAX; i++) {
		struct otp_outcome outcome;
		struct otp_key key;

		ask_info(&outcome, helper, i);
		if (!did_well(&outcome)) {
			enum otp_trouble trouble = trouble_of(&outcome);

			if (trouble != OTP_TROUBLE_NO_KEY || i == 0)
				note = note_of(trouble);
			if (trouble == OTP_TROUBLE_NO_KEY)
				break;
			continue;
		}
		if (otp_key_parse(&key, (struct bytes){outcome.out, outcome.out_len}) < 0)
			fail(OTP_BROKEN);
		if (take_key(helper, i, &key, &note))
			return true;
	}
	/* That it was pulled out says more. */
	if (note != OTP_NOTE_NO_KEY || !helper->said_anything || helper->said != OTP_NOTE_GONE)
		wait_or_fail(helper, note);
	return false;
}

static void find(struct helper *helper) {
	while (!look(helper))
		pause_for(LOOK_MS);
}

/* ---- challenges ---- */

/* false: the slot is there no more, so that another one was found. */
static bool stays(struct helper *helper, const struct otp_outcome *outcome) {
	switch (trouble_of(outcome)) {
	case OTP_TROUBLE_NO_KEY:
	case OTP_TROUBLE_GONE: wait_or_fail(helper, OTP_NOTE_GONE); break;
	case OTP_TROUBLE_BUSY: wait_or_fail(helper, OTP_NOTE_BUSY); break;
	case OTP_TROUBLE_ACCESS: wait_or_fail(helper, OTP_NOTE_NO_ACCESS); break;
	case OTP_TROUBLE_WANTS_TOUCH: fail(OTP_WANTS_TOUCH);
	case OTP_TROUBLE_TIMEOUT:
		if (helper->request.kind == OTP_PIN)
			fail(outcome->how == OTP_TOO_LATE ? OTP_SILENT : OTP_NOT_RESPONSE);
		say_note(helper, OTP_NOTE_NO_TOUCH);
		return true;
	case OTP_TROUBLE_OTHER: fail(OTP_BROKEN);
	}
	pause_for(LOOK_MS);
	find(helper);
	return false;
}

/* A slot that answers without a touch answers any program, so no touch is behind its answer. */
static bool probe(struct helper *helper) {
	uint8_t challenge[OTP_CHALLENGE_LEN];
	struct otp_outcome outcome;

	if (helper->request.kind == OTP_PIN || helper->is_probed)
		return true;
	if (getentropy(challenge, sizeof(challenge)) < 0)
		fail(OTP_BROKEN);
	ask_answer(&outcome, helper, BYTES(challenge), false);
	if (did_well(&outcome))
		fail(OTP_TOUCHLESS);
	switch (trouble_of(&outcome)) {
	case OTP_TROUBLE_WANTS_TOUCH: helper->is_probed = true; return true;
	case OTP_TROUBLE_TIMEOUT:
		if (outcome.how == OTP_ENDED)
			fail(OTP_NOT_RESPONSE);
		fail(OTP_BROKEN);
	case OTP_TROUBLE_NO_KEY:
	case OTP_TROUBLE_GONE:
	case OTP_TROUBLE_BUSY:
	case OTP_TROUBLE_ACCESS:
	case OTP_TROUBLE_OTHER: break;
	}
	return stays(helper, &outcome);
}

/* The place may be another one's by now, whose answer is none of this one's. */
static bool is_same_key(const struct helper *helper) {
	struct otp_outcome outcome;
	struct otp_key key;

	ask_info(&outcome, helper, helper->key);
	return did_well(&outcome) &&
	       otp_key_parse(&key, (struct bytes){outcome.out, outcome.out_len}) == 0 &&
	       key.serial == helper->serial;
}

static void serve_challenge(struct helper *helper, struct bytes challenge) {
	bool waits = helper->request.kind == OTP_TOUCH;
	uint8_t answer[OTP_ANSWER_LEN];
	struct otp_outcome outcome;

	if (!probe(helper))
		return;
	for (;;) {
		if (waits && (!helper->said_anything || helper->said != OTP_NOTE_NO_TOUCH))
			say_note(helper, OTP_NOTE_TOUCH);
		ask_answer(&outcome, helper, challenge, waits);
		if (did_well(&outcome))
			break;
		if (!stays(helper, &outcome))
			return;
	}
	if (otp_answer_parse(answer, (struct bytes){outcome.out, outcome.out_len}) < 0)
		fail(OTP_BROKEN);
	OPENSSL_cleanse(outcome.out, sizeof(outcome.out));
	/* What is said of the next challenge is news. */
	helper->said_anything = false;
	if (!is_same_key(helper)) {
		OPENSSL_cleanse(answer, sizeof(answer));
		find(helper);
		return;
	}
	say(&(struct otp_reply){.kind = OTP_ANSWER, .answer = BYTES(answer)});
}

/* Slow, so that whoever has the YubiKey at hand cannot try many PINs. */
static struct bytes make_challenge(uint8_t made[static OTP_CHALLENGE_MAX], struct bytes pin,
                                   const struct otp_ask *ask) {
	switch (ask->form) {
	case OTP_FORM_PLAIN: return ask->challenge;
	case OTP_FORM_OLDER: return pin;
	case OTP_FORM_PIN: break;
	}
	if (EVP_PBE_scrypt((const char *)pin.data, pin.len, ask->challenge.data, ask->challenge.len,
	                   SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MAX, made, OTP_CHALLENGE_LEN) != 1)
		fail(OTP_BROKEN);
	return (struct bytes){made, OTP_CHALLENGE_LEN};
}

static _Noreturn void serve(struct helper *helper) {
	uint8_t message[OTP_REQUEST_MAX], made[OTP_CHALLENGE_MAX];
	struct otp_ask ask;

	find(helper);
	for (;;) {
		ssize_t len = recv(CHILD_CHANNEL_FD, message, sizeof(message), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			_exit(0);
		if (otp_ask_parse(&ask, (struct bytes){message, (size_t)len}) < 0 ||
		    (ask.form != OTP_FORM_PLAIN) != (helper->request.kind == OTP_PIN))
			_exit(1);
		serve_challenge(helper, make_challenge(made, helper->request.pin, &ask));
		OPENSSL_cleanse(made, sizeof(made));
	}
}

_Noreturn void otp_child_run(int fd, pid_t parent) {
	struct helper helper = {.info_fd = -1, .answer_fd = -1};
	uint8_t *message;
	ssize_t len;
	int error;

	if (child_begin(fd, parent) < 0)
		_exit(1);
	/* No program that is run here inherits it. */
	message = secret_new(OTP_REQUEST_MAX);
	if (message == NULL)
		_exit(1);
	len = recv(CHILD_CHANNEL_FD, message, OTP_REQUEST_MAX, 0);
	if (len <= 0 ||
	    otp_request_parse(&helper.request, (struct bytes){message, (size_t)len}) < 0)
		_exit(1);
	helper.info_fd = open_image(otp_program_info());
	helper.answer_fd = open_image(otp_program_answer());
	/* As far as the system can; where it cannot, this process is as it is. */
	error = platform_confine_to_key_programs();
	if (error < 0 && error != -ENOSYS)
		_exit(1);
	serve(&helper);
}
