/*
 * What the guard and its helper for security keys say to each other: one message is one packet. The
 * helper speaks with devices, so that the guard reads its messages as strictly as a client's. Pure.
 */
#ifndef CONFIRM_TOUCH_MESSAGE_H
#define CONFIRM_TOUCH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/enrolment.h"

#define TOUCH_REQUEST_MAX (16 * 1024) /* ENROLLED_MAX credentials and a PIN */
#define TOUCH_REPLY_MAX   2048        /* one credential or assertion */
#define KEY_PIN_LEN_MAX   63          /* as FIDO has it */
#define PRODUCT_LEN_MAX   64

enum touch_task {
	TOUCH_GET,  /* an assertion of one of the credentials */
	TOUCH_MAKE, /* a credential, on a key that has none of them */
};

struct touch_request {
	enum touch_task task;
	uint8_t challenge[CHALLENGE_LEN];
	struct bytes credentials[ENROLLED_MAX]; /* their ids */
	size_t n_credentials;
	struct bytes pin; /* empty: none. Comes last, so that it need not be copied */
};

enum touch_reply_kind { TOUCH_NOTE, TOUCH_SIGNED, TOUCH_MADE, TOUCH_FAILED };

/* What goes on while it waits. */
enum touch_note {
	TOUCH_NOTE_NO_KEY, /* no key that can do it is plugged in */
	TOUCH_NOTE_READY,  /* it waits for the touch */
	TOUCH_NOTE_GONE,   /* the key was pulled out, and there is no other one */
	TOUCH_NOTE_HOLDS,  /* between the helper's own processes */
	TOUCH_NOTE_NO_USE, /* a key is plugged in, and cannot be opened, or does not answer */
};
#define TOUCH_NOTE_COUNT 5

enum touch_failure {
	TOUCH_BROKEN, /* the helper ended, or a device makes no sense */
	TOUCH_WRONG_PIN,
	TOUCH_PIN_PAUSED, /* wrong too often: it must be pulled out first */
	TOUCH_PIN_BLOCKED,
	TOUCH_PIN_NOT_SET,
	TOUCH_PIN_WANTED,
	TOUCH_REFUSED, /* on the key itself */
	TOUCH_REMOVED,
	TOUCH_SEVERAL,  /* a PIN is for one key, and several are plugged in */
	TOUCH_ENROLLED, /* each key that is plugged in has a credential already */
	TOUCH_NOT_OURS, /* this key has none of the credentials */
	TOUCH_FULL,
	TOUCH_NO_KEY, /* where a PIN was given, and no key is there to check it */
};
#define TOUCH_FAILURE_COUNT 13

/* In words, for a person: what is wrong, and what to do. */
const char *touch_failure_text(enum touch_failure failure);
const char *touch_note_text(enum touch_note note);

struct touch_reply {
	enum touch_reply_kind kind;
	enum touch_note note;
	enum touch_failure failure;
	uint32_t retries; /* of TOUCH_WRONG_PIN: how many are left; 0: not known */
	/* Views into the message. */
	struct bytes id;                   /* of a credential: signed, made */
	struct bytes auth_data, signature; /* signed */
	struct bytes point;                /* made: POINT_LEN bytes */
	bool verified;                     /* made: with the key's PIN */
	struct bytes product;              /* made: what the key calls itself */
};

/* All but the PIN, which is to be put right behind it as a string. */
void touch_request_put(struct buffer *message, const struct touch_request *request);
int touch_request_parse(struct touch_request *ret, struct bytes message) MUST_CHECK;

void touch_reply_put(struct buffer *message, const struct touch_reply *reply);
int touch_reply_parse(struct touch_reply *ret, struct bytes message) MUST_CHECK;

#endif
