/*
 * The OTP slots of YubiKeys that may say yes, as STATE/otp (0600) has them. A slot answers a
 * challenge by HMAC-SHA1, with a secret that is in the key alone; so what is kept is the challenge
 * that is asked next, and a hash of the answer that is expected. Both are replaced after each yes,
 * before it counts. A file of the user's, and so of the user's malware: a guard that runs uses what
 * it has loaded.
 *
 *	version 1
 *	tries FAILURES LOCKED-UNTIL
 *	slot NAME KIND SERIAL SLOT FORM ADDED CHALLENGE DIGEST
 */
#ifndef CONFIRM_OTP_SLOTS_H
#define CONFIRM_OTP_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/challenge.h"
#include "confirm/enrolment.h"
#include "confirm/pin.h"

#define OTP_FILE          "otp"
#define OTP_LEN_MAX       (16 * 1024)
#define OTP_SLOTS_MAX     16 /* two on each key, and nobody carries more than eight */
#define OTP_CHALLENGE_MAX 64 /* what HMAC-SHA1 on a YubiKey takes */
#define OTP_CHALLENGE_LEN 32 /* of those that we make */
#define OTP_ANSWER_LEN    20

enum otp_kind {
	OTP_TOUCH, /* it answers when it is touched */
	OTP_PIN,   /* it answers at once, to a challenge that is made of a PIN */
};
#define OTP_KIND_COUNT 2

struct otp_slot {
	char name[KEY_NAME_LEN_MAX + 1];
	enum otp_kind kind;
	uint32_t serial; /* of the YubiKey; 0: not known yet, which an older file did not say */
	uint8_t slot;    /* 1 or 2 */
	/* As the older ssh-agent-guard had it: the challenge is the same each time, and with a PIN
	 * it is the PIN itself. The first yes makes it one of ours. */
	bool is_older;
	int64_t added_us;
	/* Of OTP_PIN: what the challenge is made of, beside the PIN. */
	uint8_t challenge[OTP_CHALLENGE_MAX];
	size_t challenge_len;
	char digest[DIGEST_HEX]; /* of the answer */
};

/* A zeroed one is empty. */
struct otp_slots {
	struct otp_slot slots[OTP_SLOTS_MAX];
	size_t count;
	struct pin tries; /* wrong PINs, as the account's are counted; without a hash */
};

/* -EBADMSG: not what otp_slots_put() writes. */
int otp_slots_parse(struct otp_slots *ret, struct bytes text) MUST_CHECK;
void otp_slots_put(struct buffer *text, const struct otp_slots *slots);

/* -ENOENT: nothing was ever enrolled. -ELOOP, -EPERM, -EACCES: it is a link, somebody else's, or
 * open to others. */
int otp_slots_load(struct otp_slots *ret, int state_fd) MUST_CHECK;

const struct otp_slot *otp_slots_named(const struct otp_slots *slots, const char *name);
/* -EEXIST: the name, or that slot of that YubiKey, is there. -ENOSPC: no more. */
int otp_slots_add(struct otp_slots *slots, const struct otp_slot *slot) MUST_CHECK;
void otp_slots_remove(struct otp_slots *slots, const char *name);
bool otp_slots_has(const struct otp_slots *slots, enum otp_kind kind);
bool otp_slots_same(const struct otp_slots *a, const struct otp_slots *b);
/* The SHA-256 of what is enrolled, without what changes by use, in hex. */
int otp_slots_digest(char ret[static DIGEST_HEX], const struct otp_slots *slots) MUST_CHECK;

/* Expects that answer from now on. */
int otp_slot_expect(struct otp_slot *slot, struct bytes challenge, struct bytes answer) MUST_CHECK;
/* Whether it is the answer that is expected. */
bool otp_slot_accepts(const struct otp_slot *slot, struct bytes answer);

#endif
