/*
 * What the guard and its helper for OTP slots say to each other: one message is one packet. The
 * helper runs programs that speak with devices, so that the guard reads its messages as strictly as
 * a client's. Pure.
 *
 * The guard begins with what it wants; the helper says which slot it has found; then each challenge
 * of the guard is answered, until the guard hangs up.
 */
#ifndef CONFIRM_OTP_MESSAGE_H
#define CONFIRM_OTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/otp_slots.h"

#define OTP_REQUEST_MAX 512 /* OTP_SLOTS_MAX slots and a PIN */
#define OTP_REPLY_MAX   64

struct otp_wanted {
	uint32_t serial; /* 0: of any YubiKey */
	uint8_t slot;
};

struct otp_request {
	enum otp_kind kind;
	struct otp_wanted wanted[OTP_SLOTS_MAX]; /* any of them; the first that is there */
	size_t n_wanted;
	struct bytes pin; /* of OTP_PIN. Comes last, so that it need not be copied */
};

/* What a challenge is made of. */
enum otp_form {
	OTP_FORM_PLAIN, /* it is this */
	OTP_FORM_PIN,   /* of the PIN, slowly, and this */
	OTP_FORM_OLDER, /* of the PIN alone, as it is */
};
#define OTP_FORM_COUNT 3

struct otp_ask {
	enum otp_form form;
	struct bytes challenge; /* 1 to OTP_CHALLENGE_MAX bytes */
};

enum otp_reply_kind { OTP_NOTE, OTP_FOUND, OTP_ANSWER, OTP_FAILED };

/* What goes on while it waits. */
enum otp_note {
	OTP_NOTE_NO_KEY,    /* no YubiKey is plugged in */
	OTP_NOTE_NOT_OURS,  /* one whose serial number is not enrolled */
	OTP_NOTE_NO_SERIAL, /* one that keeps its serial number for itself */
	OTP_NOTE_EMPTY,     /* the slot of an enrolled one holds nothing */
	OTP_NOTE_GONE,      /* the YubiKey was pulled out */
	OTP_NOTE_BUSY,      /* another program has it */
	OTP_NOTE_NO_ACCESS, /* this account may not open it */
	OTP_NOTE_TOUCH,     /* it waits for the touch */
	OTP_NOTE_NO_TOUCH,  /* there was none in time; it is asked again */
};
#define OTP_NOTE_COUNT 9

enum otp_failure {
	OTP_BROKEN,       /* the helper ended, or what a program says makes no sense */
	OTP_MISSING,      /* a program is not there */
	OTP_UNSAFE,       /* somebody else may change it */
	OTP_NOT_RESPONSE, /* the slot is there, and answers no challenge */
	OTP_TOUCHLESS,    /* a slot that is to be touched, and answers without it */
	OTP_WANTS_TOUCH,  /* a slot for a PIN, and it does not answer without a touch */
	OTP_ABSENT,       /* where a PIN was given, and no YubiKey is there to check it */
	OTP_STRANGE,      /* likewise, and the one that is there is not enrolled */
	OTP_EMPTY,        /* likewise, and its slot holds nothing */
	OTP_PULLED,       /* likewise, and it was pulled out */
	OTP_SILENT,       /* likewise, and it does not answer */
	OTP_SERIALLESS,   /* likewise, and it keeps its serial number for itself */
	OTP_FORBIDDEN,    /* likewise, and this account may not open it */
};
#define OTP_FAILURE_COUNT 13

/* In words, for a person: what is wrong, and what to do. */
const char *otp_failure_text(enum otp_failure failure);
const char *otp_note_text(enum otp_note note);

struct otp_reply {
	enum otp_reply_kind kind;
	enum otp_note note;
	enum otp_failure failure;
	uint8_t index; /* found: which of those that are wanted */
	uint32_t serial;
	struct bytes answer; /* a view into the message: OTP_ANSWER_LEN bytes */
};

/* All but the PIN, which is to be put right behind it as a string. */
void otp_request_put(struct buffer *message, const struct otp_request *request);
int otp_request_parse(struct otp_request *ret, struct bytes message) MUST_CHECK;

void otp_ask_put(struct buffer *message, const struct otp_ask *ask);
int otp_ask_parse(struct otp_ask *ret, struct bytes message) MUST_CHECK;

void otp_reply_put(struct buffer *message, const struct otp_reply *reply);
int otp_reply_parse(struct otp_reply *ret, struct bytes message) MUST_CHECK;

#endif
