/*
 * The security keys that may say yes, as STATE/fido2 (0600) has them. A file of the user's, and so
 * of the user's malware: a guard that runs uses what it has loaded, and whoever changes that takes
 * a touch.
 *
 *	version 1
 *	key NAME VERIFIES COUNTER ADDED CREDENTIAL PUBLIC-KEY
 */
#ifndef CONFIRM_ENROLMENT_H
#define CONFIRM_ENROLMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/challenge.h"

#define ENROLMENT_FILE    "fido2"
#define ENROLMENT_LEN_MAX (32 * 1024)
#define ENROLLED_MAX      16 /* more than anybody carries */
#define KEY_NAME_LEN_MAX  32

struct enrolled_key {
	char name[KEY_NAME_LEN_MAX + 1];
	bool verifies;    /* it has a PIN, and checked it when it was enrolled */
	uint32_t counter; /* of its last signature */
	int64_t added_us;
	uint8_t id[CREDENTIAL_LEN_MAX];
	size_t id_len;
	uint8_t point[POINT_LEN];
};

/* A zeroed one is empty. */
struct enrolment {
	struct enrolled_key keys[ENROLLED_MAX];
	size_t count;
};

/* Letters, digits, '.', '_' and '-'. */
bool key_name_is_fit(const char *name);

/* -EBADMSG: not what enrolment_put() writes. */
int enrolment_parse(struct enrolment *ret, struct bytes text) MUST_CHECK;
void enrolment_put(struct buffer *text, const struct enrolment *enrolment);

/* -ENOENT: nothing was ever enrolled. */
int enrolment_load(struct enrolment *ret, int state_fd) MUST_CHECK;
int enrolment_save(const struct enrolment *enrolment, int state_fd) MUST_CHECK;

/* NULL: there is none. */
struct enrolled_key *enrolment_find(struct enrolment *enrolment, struct bytes id);
const struct enrolled_key *enrolment_named(const struct enrolment *enrolment, const char *name);
/* -EEXIST: the name or the credential is there. -ENOSPC: no more. */
int enrolment_add(struct enrolment *enrolment, const struct enrolled_key *key) MUST_CHECK;
void enrolment_remove(struct enrolment *enrolment, const char *name);

/* Whether both let the same keys in: counters do not matter. */
bool enrolment_same(const struct enrolment *a, const struct enrolment *b);
/* The SHA-256 of what is enrolled, without what changes by use, in hex. */
int enrolment_digest(char ret[static DIGEST_HEX], const struct enrolment *enrolment) MUST_CHECK;

#endif
