#include "wire/session.h"

#include <stdlib.h>

#include "base/array.h"
#include "wire/session_bind.h"

const char *bind_outcome_name(enum bind_outcome outcome) {
	switch (outcome) {
	case BIND_RECORDED: return "bind-recorded";
	case BIND_REPEATED: return "bind-repeated";
	case BIND_UNVERIFIABLE: return "bind-unverifiable";
	case BIND_MALFORMED: return "bind-malformed";
	case BIND_BAD_SIGNATURE: return "bind-bad-signature";
	case BIND_AFTER_LOGIN: return "bind-after-login";
	case BIND_OTHER_KEY: return "bind-other-key";
	case BIND_TOO_MANY: return "bind-too-many";
	case BIND_NO_MEMORY: return "bind-no-memory";
	}
	return "invalid";
}

static size_t session_bytes(const struct session *session) {
	size_t sum = 0;

	for (size_t i = 0; i < session->n_hops; i++)
		sum += session->hops[i]->host_key.len + session->hops[i]->session_id.len;
	return sum;
}

static struct session_hop *hop_new(const struct session_bind *bind) {
	size_t len = bind->host_key.len + bind->session_id.len;
	struct session_hop *hop = calloc(1, sizeof(*hop) + len);
	struct key_facts facts;

	/* What was verified has a fingerprint; out of memory it has none, and is not recorded. */
	if (hop == NULL || key_facts_of_blob(&facts, bind->host_key) < 0 ||
	    facts.fingerprint[0] == '\0') {
		free(hop);
		return NULL;
	}
	memcpy(hop->fingerprint, facts.fingerprint, sizeof(hop->fingerprint));
	memcpy(hop->storage, bind->host_key.data, bind->host_key.len);
	if (bind->session_id.len > 0)
		memcpy(hop->storage + bind->host_key.len, bind->session_id.data,
		       bind->session_id.len);
	hop->host_key = (struct bytes){hop->storage, bind->host_key.len};
	hop->session_id = (struct bytes){hop->storage + bind->host_key.len, bind->session_id.len};
	hop->is_forwarding = bind->is_forwarding;
	return hop;
}

static enum bind_outcome record(struct session *session, const struct session_bind *bind) {
	struct session_hop **hops;
	struct session_hop *hop;

	if (session->n_hops >= SESSION_HOPS_MAX ||
	    session_bytes(session) + bind->host_key.len + bind->session_id.len > SESSION_BYTES_MAX)
		return BIND_TOO_MANY;
	/* Exactly as many as there are: most connections have one, and idle ones should be small.
	 */
	hops = array_resize(session->hops, (size_t)session->n_hops + 1,
	                    sizeof(struct session_hop *));
	if (hops == NULL)
		return BIND_NO_MEMORY;
	session->hops = hops;
	hop = hop_new(bind);
	if (hop == NULL)
		return BIND_NO_MEMORY;
	session->hops[session->n_hops++] = hop;
	return BIND_RECORDED;
}

static enum bind_outcome check_and_record(struct session *session, struct bytes body) {
	struct session_bind bind;

	if (session_bind_parse(&bind, body) < 0)
		return BIND_MALFORMED;
	switch (session_bind_verify(&bind)) {
	case PROOF_GOOD: break;
	case PROOF_UNVERIFIABLE: return BIND_UNVERIFIABLE;
	case PROOF_BAD: return BIND_BAD_SIGNATURE;
	}
	/* In the order of OpenSSH's agent: a repeat of an earlier hop is still one when the
	 * connection is bound to log in by now, but a repeat of that last bind is refused. */
	for (size_t i = 0; i < session->n_hops; i++) {
		const struct session_hop *hop = session->hops[i];

		if (!hop->is_forwarding)
			return BIND_AFTER_LOGIN;
		if (!bytes_equal(hop->session_id, bind.session_id))
			continue;
		return key_blobs_equal(hop->host_key, bind.host_key) ? BIND_REPEATED
		                                                     : BIND_OTHER_KEY;
	}
	return record(session, &bind);
}

enum bind_outcome session_bind(struct session *session, struct bytes body) {
	enum bind_outcome outcome = check_and_record(session, body);

	if (outcome != BIND_RECORDED && outcome != BIND_REPEATED)
		session->is_tainted = true;
	return outcome;
}

void session_deinit(struct session *session) {
	for (size_t i = 0; i < session->n_hops; i++)
		free(session->hops[i]);
	free(session->hops);
	*session = (struct session){0};
}

/* The bind that is for a login can only be the last, because none is taken after it. */
static const struct session_hop *last_login_hop(const struct session *session) {
	const struct session_hop *last = session->n_hops > 0 ? session->hops[session->n_hops - 1]
	                                                     : NULL;

	return last == NULL || last->is_forwarding ? NULL : last;
}

const struct session_hop *session_login_hop(const struct session *session) {
	return session->is_tainted ? NULL : last_login_hop(session);
}

enum tri session_is_forwarded(const struct session *session) {
	if (session->is_tainted)
		return TRI_YES;
	if (session->n_hops == 0)
		return TRI_UNKNOWN;
	/* All but the last are forwarding; see last_login_hop(). */
	return session->n_hops > 1 || session->hops[0]->is_forwarding ? TRI_YES : TRI_NO;
}

enum meeting session_meet(const struct session *session, const struct ssh_login *login) {
	const struct session_hop *hop = last_login_hop(session);

	if (hop == NULL)
		return MEETING_NONE;
	if (!bytes_equal(hop->session_id, login->session_id))
		return MEETING_MISMATCH;
	if (login->hostbound && !key_blobs_equal(hop->host_key, login->host_key))
		return MEETING_MISMATCH;
	if (session->is_tainted)
		return MEETING_NONE;
	if (login->hostbound)
		return MEETING_VERIFIED;
	return session_is_forwarded(session) == TRI_NO ? MEETING_BOUND : MEETING_NONE;
}
