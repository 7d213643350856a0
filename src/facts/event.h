/*
 * One thing that happened, as it will be written to the audit log. Everything is borrowed; a NULL
 * text, a zero number and TRI_UNKNOWN are left out of the document.
 */
#ifndef FACTS_EVENT_H
#define FACTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "facts/request.h"
#include "facts/tri.h"

struct event {
	int64_t real_us; /* clock_real_us() of the decision */
	const char
		*trigger; /* the operation's name, or what happened: "start", "upstream-lost" ... */
	const char
		*decision; /* "allow", "deny", "confirmed", "confirm-denied"; NULL: no decision */
	const char *rule;
	const char *reason;            /* why the guard itself refused, a word of the contract */
	const char *detail;            /* one sentence for a person; may hold outside text */
	const struct request *request; /* NULL where nothing was asked */
	const char *missing_fact;
	bool weak; /* it was allowed, and nothing that is proved was asked for */
	const char *confirm_method; /* by which a person answered; NULL: none was asked, or did */
	const char *confirm_via;    /* the way the answer came: "control", "fifo", "grant" */
	uint64_t grant;             /* the yes that was remembered, or is from now on; 0: none */
	uint64_t waited_ms;         /* for the person */
	const char
		*outcome; /* what the upstream made of it: "success", "failure"; NULL: not asked */
	enum tri delivered; /* TRI_NO: the client was gone when the answer came */
	const char *config_sha256;
	const char *floor_sha256; /* NULL: there is no system floor */
	bool by_floor;            /* the rule is one of the floor's */
	uint64_t latency_us;  /* from the message's last byte to this event, without the upstream */
	uint64_t upstream_us; /* the upstream's share */
	uint64_t sign_request_num; /* counts sign requests since the guard started; 0: none */
};

#endif
