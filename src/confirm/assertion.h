/*
 * What a security key signs when it is touched, and whether that is the yes that was asked for. The
 * guard checks it by itself, with libcrypto: what brings it here, and the device it came from, need
 * not be trusted. Pure.
 */
#ifndef CONFIRM_ASSERTION_H
#define CONFIRM_ASSERTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define TOUCH_PARTY        "ssh-agent-guard" /* for whom the keys' credentials are */
#define CHALLENGE_LEN      32
#define POINT_LEN          64 /* a public key of P-256: x and y */
#define AUTH_DATA_LEN      37 /* SHA-256 of the party, flags, counter; we ask for nothing more */
#define SIGNATURE_LEN_MAX  80 /* ECDSA of P-256, in DER */
#define CREDENTIAL_LEN_MAX 512

struct assertion {
	struct bytes auth_data, signature;
};

/* What it must be. */
struct assertion_demand {
	const uint8_t *challenge; /* CHALLENGE_LEN bytes */
	const uint8_t *point;     /* POINT_LEN bytes: the key that was enrolled */
	bool verified;            /* by the key's PIN as well */
	uint32_t counter;         /* of its last one */
};

enum assertion_fault {
	ASSERTION_GOOD,
	ASSERTION_MALFORMED,
	ASSERTION_OTHER_PARTY,
	ASSERTION_BAD_SIGNATURE,
	ASSERTION_NOT_TOUCHED,
	ASSERTION_NOT_VERIFIED,
	ASSERTION_COUNTER_BACK,
};

/* In words, for a person. */
const char *assertion_fault_text(enum assertion_fault fault);

/* *ret_counter is set where it is good. */
enum assertion_fault assertion_check(uint32_t *ret_counter, const struct assertion *assertion,
                                     const struct assertion_demand *demand);

/* Whether these bytes are a key at all. */
bool point_is_valid(const uint8_t point[static POINT_LEN]);

#endif
