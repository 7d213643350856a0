/*
 * The PIN of the account: its hash, and how often it was wrong. Kept in STATE/pin (0600), so that
 * the count outlives a restart. The hash is made and compared elsewhere (confirm/hashing.h).
 */
#ifndef CONFIRM_PIN_H
#define CONFIRM_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define PIN_LEN_MIN     4
#define PIN_LEN_MAX     64
#define PIN_HASH_SIZE   384 /* libxcrypt's CRYPT_OUTPUT_SIZE */
#define PIN_FILE        "pin"
#define PIN_TRIES       5 /* wrong ones, until it is locked */
#define PIN_LOCK_US     (INT64_C(60) * 1000 * 1000)
#define PIN_LOCK_MAX_US (INT64_C(24) * 3600 * 1000 * 1000)

struct pin {
	char hash[PIN_HASH_SIZE]; /* "": none is enrolled */
	unsigned failures;        /* in a row */
	int64_t locked_until_us;  /* clock_real_us(); 0: not locked */
};

/* Whether it can be a PIN: long enough and not too long, no control characters. */
bool pin_is_fit(const char *text);

/* -EBADMSG: not what pin_put() writes. */
int pin_parse(struct pin *ret, struct bytes text) MUST_CHECK;
void pin_put(struct buffer *text, const struct pin *pin);

/* -ENOENT: none is enrolled. */
int pin_load(struct pin *ret, int state_fd) MUST_CHECK;
int pin_save(const struct pin *pin, int state_fd) MUST_CHECK;

bool pin_is_locked(const struct pin *pin, int64_t now_us);
/* Counts a try as wrong, before it is checked: whoever ends the guard meanwhile gains none. */
void pin_count(struct pin *pin, int64_t now_us);
void pin_was_right(struct pin *pin);

#endif
