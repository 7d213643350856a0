/* What is to be decided. Made by agent/; everything in it is borrowed. */
#ifndef FACTS_REQUEST_H
#define FACTS_REQUEST_H

#include "base/clock.h"
#include "facts/caller.h"
#include "facts/coding_agent.h"
#include "facts/destination.h"
#include "facts/key.h"
#include "facts/operation.h"
#include "facts/payload.h"
#include "facts/session.h"
#include "facts/tri.h"

/* Zeroed memory proves nothing: neither what is signed, nor for where. */
struct request {
	enum operation operation;
	struct key_facts key;
	const char *key_comment;     /* as the agent lists it; "" for none, NULL: not known */
	const struct caller *caller; /* never NULL */
	const char *endpoint;        /* the socket's name: "default" */
	struct clock_moment time;    /* when it is decided */
	/* What is to be signed. NULL where it is not a signature, or its message is malformed. */
	const struct payload *payload;
	const struct session *session; /* NULL: no bind */
	/* What the session says of it; and without one, what the command line lacks. */
	enum tri is_forwarded;
	/* Of a login, and of listing: whoever binds to log in lists next, and has signed nothing
	 * yet, so that is MEETING_BOUND at best. */
	enum meeting meeting;
	/* The fingerprint of the host that the meeting is with; NULL where it is with none. */
	const char *dest_key;
	/* NULL: nothing was looked up, so nothing is known of names. */
	const struct destination *destination;
	struct coding_agents coding_agents; /* behind it */
};

/* What is known of where it goes. On a forwarded connection a command line says nothing: it is that
 * of the ssh which forwards. */
static inline enum dest_evidence request_dest_evidence(const struct request *request) {
	switch (request->meeting) {
	case MEETING_VERIFIED: return DEST_EVIDENCE_VERIFIED;
	case MEETING_BOUND: return DEST_EVIDENCE_BOUND;
	case MEETING_MISMATCH: return DEST_EVIDENCE_NONE;
	case MEETING_NONE: break;
	}
	if (request->destination == NULL || request->is_forwarded == TRI_YES ||
	    request->destination->evidence != DEST_EVIDENCE_COMMAND_LINE)
		return DEST_EVIDENCE_NONE;
	return DEST_EVIDENCE_COMMAND_LINE;
}

#endif
