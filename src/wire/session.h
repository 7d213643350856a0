/*
 * The chain of session-binds on one connection, kept and refused as OpenSSH's agent does
 * (process_ext_session_bind()). A session is struct session of facts/session.h; here is all that
 * changes one, and what can be told from it.
 */
#ifndef WIRE_SESSION_H
#define WIRE_SESSION_H

#include "base/bytes.h"
#include "facts/payload.h"
#include "facts/session.h"
#include "facts/tri.h"

#define SESSION_BYTES_MAX (64 * 1024) /* of keys and ids: sixteen large certificates fit */

enum bind_outcome {
	BIND_RECORDED,
	BIND_REPEATED,     /* this session id with this key is on record; nothing changes */
	BIND_UNVERIFIABLE, /* a kind of key or signature that we cannot verify */
	BIND_MALFORMED,
	BIND_BAD_SIGNATURE,
	BIND_AFTER_LOGIN, /* the connection is bound to log in, and has no further hop */
	BIND_OTHER_KEY,   /* the session id is on record with another host key */
	BIND_TOO_MANY,    /* more than SESSION_HOPS_MAX, or than SESSION_BYTES_MAX */
	BIND_NO_MEMORY,
};

/* For events: "bind-recorded", "bind-bad-signature" ... */
const char *bind_outcome_name(enum bind_outcome outcome);

/* Takes a bind, given as what follows the extension's name. The client is to be told success for
 * the first two outcomes, what the upstream says for the third, failure for all others. From the
 * third on the session is tainted. */
enum bind_outcome session_bind(struct session *session, struct bytes body);

void session_deinit(struct session *session); /* leaves it without binds */

/* The hop that the client logs in at: verified, and not NULL only while the chain is not tainted
 * and its last bind is for a login. The hops before it are those that the agent is forwarded by. */
const struct session_hop *session_login_hop(const struct session *session);

/* TRI_UNKNOWN: no bind says anything about it. */
enum tri session_is_forwarded(const struct session *session);

/* What the login's signed bytes and the chain prove together. */
enum meeting session_meet(const struct session *session, const struct ssh_login *login);

#endif
