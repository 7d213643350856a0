/* The commands of CTAP2: bytes in, bytes out. What takes a touch waits for one. */
#ifndef SOFTKEY_AUTHENTICATOR_H
#define SOFTKEY_AUTHENTICATOR_H

#include <stdbool.h>

#include "client_pin.h"
#include "softkey.h"

#define REPLY_MAX 1200 /* FIDO's own maximum for a message is above that */

/* How an assertion is not what was asked for. */
enum lie {
	LIE_NONE,
	LIE_REPLAY,   /* the last answer again */
	LIE_SELF,     /* signed by another key, under the id that was asked for */
	LIE_NO_TOUCH, /* without user presence */
	LIE_RP,       /* for another party */
	LIE_HASH,     /* over another challenge */
	LIE_GARBAGE,  /* no CBOR at all */
	LIE_BIG,      /* a map that promises more than there is */
};

enum waits_for { WAITS_FOR_NOTHING, WAITS_TO_MAKE, WAITS_TO_GET };

struct reply {
	uint8_t bytes[REPLY_MAX]; /* status first */
	size_t len;
};

struct authenticator {
	struct softkey_options options;
	struct client_pin pin;
	uint32_t counter;
	enum lie lie;
	/* What waits for a touch. */
	enum waits_for waits;
	uint8_t rp_hash[HASH_LEN], client_hash[HASH_LEN], id[2 * HASH_LEN];
	bool verified;
	struct reply last; /* assertion */
};

void authenticator_init(struct authenticator *authenticator, const struct softkey_options *options);
void authenticator_deinit(struct authenticator *authenticator);

/* true: the reply is there. false: it waits for a touch (authenticator->waits). */
bool authenticator_command(struct authenticator *authenticator, struct bytes message,
                           struct reply *reply);
/* The touch came, or was declined. */
void authenticator_touched(struct authenticator *authenticator, bool yes, struct reply *reply);

#endif
