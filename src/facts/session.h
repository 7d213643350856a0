/*
 * What is proved of the SSH sessions behind one connection: the chain of its session-binds, each
 * signed by the host that it names. Made by wire/, const from there on. A zeroed struct session is
 * that of a connection without a bind.
 */
#ifndef FACTS_SESSION_H
#define FACTS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "facts/key.h"

#define SESSION_HOPS_MAX 16 /* as ssh-agent: the hops of one login, not a store */

struct session_hop {
	struct bytes host_key;   /* blob, perhaps a host certificate; points into storage */
	struct bytes session_id; /* points into storage */
	bool is_forwarding;      /* else this is where the client logs in */
	char fingerprint[KEY_FINGERPRINT_SIZE]; /* of the plain host key */
	uint8_t storage[];
};

struct session {
	struct session_hop *
		*hops; /* owned, from the user's machine on; NULL while there are none */
	uint8_t n_hops;
	/* A bind was refused, or could not be verified. Nothing is proved any more, and the
	 * connection counts as forwarded. */
	bool is_tainted;
};

/* What a login and the chain say together. Zeroed memory proves nothing. */
enum meeting {
	/* Nothing is proved of where the login goes: no bind for it, or a tainted chain, or a plain
	 * publickey login on a forwarded connection, whose session any host may have bound in its
	 * own name (design, fact 14). */
	MEETING_NONE,
	MEETING_BOUND,    /* the session id is that of the bind, but the host key is not signed */
	MEETING_VERIFIED, /* both are signed: the login is good at the last hop only */
	/* The connection was bound to log in, but this is for another session or another host. It
	 * is to be refused. */
	MEETING_MISMATCH,
};

static inline const char *meeting_name(enum meeting meeting) {
	switch (meeting) {
	case MEETING_NONE: return "none";
	case MEETING_BOUND: return "bound";
	case MEETING_VERIFIED: return "verified";
	case MEETING_MISMATCH: return "mismatch";
	}
	return "invalid";
}

#endif
