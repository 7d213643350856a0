/*
 * Whether the touch that an event tells of was one: of an enrolled key, for just this event. From
 * the document and the enrolled public keys alone, so that it can be asked of any copy of the log,
 * at any time. Pure.
 */
#ifndef LOG_TOUCHED_H
#define LOG_TOUCHED_H

#include "base/bytes.h"
#include "confirm/enrolment.h"

enum touched {
	TOUCHED_NOT,      /* it tells of none */
	TOUCHED_GOOD,     /* a key signed for what the event says */
	TOUCHED_BEFORE,   /* of a yes that was remembered */
	TOUCHED_STRANGER, /* by a key that is not among these */
	TOUCHED_LACKS,    /* it says that there was one, and has no proof of it */
	TOUCHED_OTHER,    /* the proof is for another request, or the event was changed */
	TOUCHED_BAD,      /* the proof is no proof */
};

/* In words, for a person. */
const char *touched_text(enum touched touched);

/* What is not covered: how the counter stood before, because that is in no event. keys is not
 * changed. */
enum touched touched_check(struct bytes document, struct enrolment *keys);

#endif
