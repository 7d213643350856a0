/* The binds of one connection, each a string, and a login that meets them. */
#include <stdlib.h>

#include "base/cursor.h"
#include "wire/session.h"
#include "wire/session_bind.h"

static volatile uint8_t sink;

static void consume(struct bytes view) {
	for (size_t i = 0; i < view.len; i++)
		sink ^= view.data[i];
}

/* What must hold of any chain, whatever made it. */
static void check(const struct session *session) {
	size_t sum = 0;

	if (session->n_hops > SESSION_HOPS_MAX)
		abort();
	for (size_t i = 0; i < session->n_hops; i++) {
		const struct session_hop *hop = session->hops[i];

		if (!hop->is_forwarding && i + 1 < session->n_hops)
			abort();
		if (strlen(hop->fingerprint) != KEY_FINGERPRINT_SIZE - 1)
			abort();
		consume(hop->host_key);
		consume(hop->session_id);
		sum += hop->host_key.len + hop->session_id.len;
	}
	if (sum > SESSION_BYTES_MAX)
		abort();
	if (session->is_tainted &&
	    (session_login_hop(session) != NULL || session_is_forwarded(session) != TRI_YES))
		abort();
}

static void check_meeting(const struct session *session, const struct ssh_login *login) {
	enum meeting meeting = session_meet(session, login);

	if ((meeting == MEETING_VERIFIED || meeting == MEETING_BOUND) &&
	    (session_login_hop(session) == NULL ||
	     !bytes_equal(session_login_hop(session)->session_id, login->session_id)))
		abort();
	if (meeting == MEETING_VERIFIED && !login->hostbound)
		abort();
	if (meeting == MEETING_BOUND && session_is_forwarded(session) != TRI_NO)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
	struct cursor cursor = cursor_over((struct bytes){input, size});
	struct session session = {0};

	while (cursor.rest.len > 0) {
		struct bytes body = cursor_string(&cursor);
		struct session_bind bind = {0};
		struct ssh_login login = {0};

		session_bind(&session, body);
		check(&session);
		if (session_bind_parse(&bind, body) < 0)
			continue;
		login.session_id = bind.session_id;
		check_meeting(&session, &login);
		login.hostbound = true;
		login.host_key = bind.host_key;
		check_meeting(&session, &login);
	}
	session_deinit(&session);
	return 0;
}
