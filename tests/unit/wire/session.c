#include "signer.h"

#include <stdio.h>

#include "wire/session.h"
#include "wire/session_bind.h"

/* A session id that ends in that number. */
struct id {
	uint8_t raw[32];
};

static struct id id_of(uint8_t number) {
	struct id id = {{0}};

	id.raw[31] = number;
	return id;
}

static void put_bind(struct buffer *body, struct bytes host_key, struct bytes session_id,
                     struct bytes signature, uint8_t is_forwarding) {
	buffer_put_string(body, host_key);
	buffer_put_string(body, session_id);
	buffer_put_string(body, signature);
	buffer_put_u8(body, is_forwarding);
}

/* As ssh binds: this host has signed that session. */
static enum bind_outcome bind_by(struct session *session, const struct signer *host, uint8_t number,
                                 uint8_t is_forwarding) {
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	CLEANUP(buffer_deinit) struct buffer body = {0};
	struct id id = id_of(number);

	signer_sign(&signature, host, BYTES(id.raw));
	put_bind(&body, buffer_bytes(&host->blob), BYTES(id.raw), buffer_bytes(&signature),
	         is_forwarding);
	return session_bind(session, buffer_bytes(&body));
}

static enum meeting meet(const struct session *session, uint8_t number,
                         const struct signer *signed_host) {
	struct id id = id_of(number);
	struct ssh_login login = {.session_id = BYTES(id.raw), .user = bytes_of_text("me")};

	if (signed_host != NULL) {
		login.hostbound = true;
		login.host_key = buffer_bytes(&signed_host->blob);
	}
	return session_meet(session, &login);
}

static void a_connection_without_a_bind_proves_nothing(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();

	(void)state;
	assert_int_equal(session_is_forwarded(&session), TRI_UNKNOWN);
	assert_null(session_login_hop(&session));
	assert_int_equal(meet(&session, 1, NULL), MEETING_NONE);
	assert_int_equal(meet(&session, 1, &host), MEETING_NONE);
}

static void a_hostbound_login_at_the_bound_host_is_verified(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	struct key_facts facts;

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_RECORDED);
	assert_int_equal(session_is_forwarded(&session), TRI_NO);
	assert_int_equal(meet(&session, 1, &host), MEETING_VERIFIED);
	assert_int_equal(meet(&session, 1, NULL), MEETING_BOUND);
	assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&host.blob)), 0);
	assert_non_null(session_login_hop(&session));
	assert_string_equal(session_login_hop(&session)->fingerprint, facts.fingerprint);
	assert_true(bytes_equal(session_login_hop(&session)->host_key, buffer_bytes(&host.blob)));
}

static void a_login_elsewhere_than_the_bind_says_is_a_mismatch(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(signer_deinit) struct signer other = signer_ed25519();

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_RECORDED);
	assert_int_equal(meet(&session, 2, &host), MEETING_MISMATCH);
	assert_int_equal(meet(&session, 2, NULL), MEETING_MISMATCH);
	assert_int_equal(meet(&session, 1, &other), MEETING_MISMATCH);
}

static void a_forwarding_bind_is_no_destination(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 1), BIND_RECORDED);
	assert_int_equal(session_is_forwarded(&session), TRI_YES);
	assert_null(session_login_hop(&session));
	assert_int_equal(meet(&session, 1, &host), MEETING_NONE);
	assert_int_equal(meet(&session, 2, NULL), MEETING_NONE); /* a session never bound */
}

/* The remote ssh sends its own bind, with is_forwarding 0, after that of the local one. */
static void forwarding_is_remembered_behind_a_remote_login(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer a = signer_ed25519();
	CLEANUP(signer_deinit) struct signer b = signer_ecdsa(256);
	CLEANUP(signer_deinit) struct signer c = signer_rsa(2048, "rsa-sha2-512");

	(void)state;
	assert_int_equal(bind_by(&session, &a, 1, 1), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &b, 2, 1), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &c, 3, 0), BIND_RECORDED);
	assert_int_equal(session.n_hops, 3);
	assert_int_equal(session_is_forwarded(&session), TRI_YES);
	assert_int_equal(meet(&session, 3, &c), MEETING_VERIFIED);
	assert_int_equal(meet(&session, 2, &b), MEETING_MISMATCH);
	assert_true(bytes_equal(session.hops[0]->host_key, buffer_bytes(&a.blob)));
	assert_true(bytes_equal(session.hops[1]->host_key, buffer_bytes(&b.blob)));
}

/* A known host K may bind the session of another host T with its own key, and then ask for a plain
 * login, which T would take: the login must not count as one at K. */
static void a_plain_login_on_a_forwarded_connection_proves_nothing(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer a = signer_ed25519();
	CLEANUP(signer_deinit) struct signer k = signer_ed25519();
	CLEANUP(signer_deinit) struct signer t = signer_ed25519();

	(void)state;
	assert_int_equal(bind_by(&session, &a, 1, 1), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &k, 2, 0), BIND_RECORDED);
	assert_int_equal(meet(&session, 2, NULL), MEETING_NONE);
	assert_int_equal(meet(&session, 2, &t), MEETING_MISMATCH);
}

static void assert_tainted(struct session *session, const struct signer *host, uint8_t number) {
	assert_true(session->is_tainted);
	assert_int_equal(session_is_forwarded(session), TRI_YES);
	assert_null(session_login_hop(session));
	assert_int_equal(meet(session, number, NULL), MEETING_NONE);
	assert_int_equal(meet(session, number, host), MEETING_NONE);
}

static void a_forged_bind_is_refused_and_nothing_is_proved_from_then_on(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer a = signer_ed25519();
	CLEANUP(signer_deinit) struct signer known = signer_ed25519();
	CLEANUP(signer_deinit) struct signer forger = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	CLEANUP(buffer_deinit) struct buffer body = {0};
	struct id id = id_of(2);

	(void)state;
	assert_int_equal(bind_by(&session, &a, 1, 1), BIND_RECORDED);
	signer_sign(&signature, &forger, BYTES(id.raw));
	put_bind(&body, buffer_bytes(&known.blob), BYTES(id.raw), buffer_bytes(&signature), 0);
	assert_int_equal(session_bind(&session, buffer_bytes(&body)), BIND_BAD_SIGNATURE);
	assert_int_equal(session.n_hops, 1);
	assert_tainted(&session, &known, 2);
	/* An honest bind afterwards mends nothing. */
	assert_int_equal(bind_by(&session, &known, 3, 0), BIND_RECORDED);
	assert_tainted(&session, &known, 3);
	assert_int_equal(meet(&session, 4, &known), MEETING_MISMATCH);
}

static void a_signature_of_another_session_is_no_bind(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	CLEANUP(buffer_deinit) struct buffer body = {0};
	struct id signed_id = id_of(1);
	struct id bound_id = id_of(2);

	(void)state;
	signer_sign(&signature, &host, BYTES(signed_id.raw));
	put_bind(&body, buffer_bytes(&host.blob), BYTES(bound_id.raw), buffer_bytes(&signature), 0);
	assert_int_equal(session_bind(&session, buffer_bytes(&body)), BIND_BAD_SIGNATURE);
	assert_tainted(&session, &host, 2);
}

static void nothing_can_be_bound_after_a_login(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &host, 2, 1), BIND_AFTER_LOGIN);
	assert_int_equal(session.n_hops, 1);
	assert_tainted(&session, &host, 1);
}

static void the_login_s_own_bind_repeated_is_refused_as_openssh_does(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_AFTER_LOGIN);
	assert_tainted(&session, &host, 1);
}

static void a_repeated_hop_changes_nothing(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ecdsa(256); /* signs anew each time */

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 1), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &host, 1, 1), BIND_REPEATED);
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_REPEATED); /* no login either */
	assert_int_equal(session.n_hops, 1);
	assert_false(session.is_tainted);
	assert_null(session_login_hop(&session));
	assert_int_equal(bind_by(&session, &host, 2, 0),
	                 BIND_RECORDED); /* same host, new session */
	assert_int_equal(bind_by(&session, &host, 1, 1), BIND_REPEATED);
	assert_int_equal(meet(&session, 2, &host), MEETING_VERIFIED);
}

static void one_session_has_one_host(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(signer_deinit) struct signer other = signer_ed25519();

	(void)state;
	assert_int_equal(bind_by(&session, &host, 1, 1), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &other, 1, 0), BIND_OTHER_KEY);
	assert_int_equal(session.n_hops, 1);
	assert_tainted(&session, &other, 1);
}

static void the_seventeenth_bind_is_refused(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();

	(void)state;
	for (uint8_t i = 0; i < SESSION_HOPS_MAX; i++)
		assert_int_equal(bind_by(&session, &host, i, 1), BIND_RECORDED);
	assert_false(session.is_tainted);
	assert_int_equal(bind_by(&session, &host, 3, 1), BIND_REPEATED); /* takes no room */
	assert_int_equal(bind_by(&session, &host, SESSION_HOPS_MAX, 0), BIND_TOO_MANY);
	assert_int_equal(session.n_hops, SESSION_HOPS_MAX);
	assert_tainted(&session, &host, SESSION_HOPS_MAX);
}

static void what_a_chain_costs_is_bounded(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(signer_deinit) struct signer ca = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer certificate = {0};
	static char principal[40 * 1024];

	(void)state;
	memset(principal, 'a', sizeof(principal) - 1);
	signer_certify(&certificate, &host, &ca, CERTIFICATE_HOST, principal, NULL);
	buffer_clear(&host.blob);
	buffer_put_raw(&host.blob, buffer_bytes(&certificate));
	assert_int_equal(bind_by(&session, &host, 1, 1), BIND_RECORDED);
	assert_int_equal(bind_by(&session, &host, 2, 1), BIND_TOO_MANY);
}

static void a_host_is_bound_by_its_certificate_too(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer plain = signer_ecdsa(384);
	CLEANUP(signer_deinit) struct signer host = signer_ecdsa(384);
	CLEANUP(signer_deinit) struct signer ca = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer certificate = {0};
	struct key_facts facts;

	(void)state;
	assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&host.blob)), 0);
	signer_certify(&certificate, &host, &ca, CERTIFICATE_HOST, "host.example", NULL);
	buffer_clear(&host.blob);
	buffer_put_raw(&host.blob, buffer_bytes(&certificate));
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_RECORDED);
	assert_string_equal(session_login_hop(&session)->fingerprint, facts.fingerprint);
	assert_int_equal(meet(&session, 1, &host), MEETING_VERIFIED);
	assert_int_equal(meet(&session, 1, &plain), MEETING_MISMATCH);
}

static void a_certificate_that_its_ca_did_not_sign_binds_nothing(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(signer_deinit) struct signer ca = signer_ed25519();
	CLEANUP(signer_deinit) struct signer forger = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer certificate = {0};

	(void)state;
	buffer_clear(&forger.blob);
	buffer_put_raw(&forger.blob, buffer_bytes(&ca.blob)); /* says that it is the CA */
	signer_certify(&certificate, &host, &forger, CERTIFICATE_HOST, "host.example", NULL);
	buffer_clear(&host.blob);
	buffer_put_raw(&host.blob, buffer_bytes(&certificate));
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_BAD_SIGNATURE);
	assert_tainted(&session, &host, 1);
}

static void a_certificate_by_an_unknown_kind_of_ca_is_unverifiable(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(signer_deinit) struct signer ca = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer certificate = {0};

	(void)state;
	buffer_clear(&ca.blob);
	put_text(&ca.blob, "ssh-new@example.org");
	signer_certify(&certificate, &host, &ca, CERTIFICATE_HOST, "host.example", NULL);
	buffer_clear(&host.blob);
	buffer_put_raw(&host.blob, buffer_bytes(&certificate));
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_UNVERIFIABLE);
	assert_tainted(&session, &host, 1);
}

static void what_cannot_be_verified_is_said_so_and_taints(void **state) {
	CLEANUP(signer_deinit) struct signer sha1 = signer_rsa(2048, "ssh-rsa");
	CLEANUP(signer_deinit) struct signer unknown = signer_ed25519();

	(void)state;
	for (int i = 0; i < 2; i++) {
		CLEANUP(session_deinit) struct session session = {0};
		const struct signer *host = i == 0 ? &sha1 : &unknown;

		buffer_clear(&unknown.blob);
		put_text(&unknown.blob, "ssh-new@example.org");
		put_text(&unknown.blob, "bits");
		assert_int_equal(bind_by(&session, host, 1, 0), BIND_UNVERIFIABLE);
		assert_int_equal(session.n_hops, 0);
		assert_tainted(&session, host, 1);
	}
}

static void a_bind_cut_anywhere_is_malformed(void **state) {
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	CLEANUP(buffer_deinit) struct buffer body = {0};
	struct id id = id_of(1);

	(void)state;
	signer_sign(&signature, &host, BYTES(id.raw));
	put_bind(&body, buffer_bytes(&host.blob), BYTES(id.raw), buffer_bytes(&signature), 0);
	for (size_t len = 0; len < body.len; len++) {
		CLEANUP(session_deinit) struct session session = {0};

		assert_int_equal(session_bind(&session, (struct bytes){body.data, len}),
		                 BIND_MALFORMED);
		assert_tainted(&session, &host, 1);
	}
}

static void bytes_behind_a_bind_are_ignored_as_openssh_does(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	CLEANUP(buffer_deinit) struct buffer body = {0};
	struct id id = id_of(1);

	(void)state;
	signer_sign(&signature, &host, BYTES(id.raw));
	put_bind(&body, buffer_bytes(&host.blob), BYTES(id.raw), buffer_bytes(&signature), 2);
	put_text(&body, "behind");
	assert_int_equal(session_bind(&session, buffer_bytes(&body)), BIND_RECORDED);
	assert_true(session.hops[0]->is_forwarding); /* any number but 0 is true */
}

static void a_session_id_has_its_limit(void **state) {
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	static const uint8_t id[SESSION_ID_LEN_MAX + 1];

	(void)state;
	for (size_t extra = 0; extra <= 1; extra++) {
		CLEANUP(session_deinit) struct session session = {0};
		CLEANUP(buffer_deinit) struct buffer signature = {0};
		CLEANUP(buffer_deinit) struct buffer body = {0};
		struct bytes session_id = {id, SESSION_ID_LEN_MAX + extra};

		signer_sign(&signature, &host, session_id);
		put_bind(&body, buffer_bytes(&host.blob), session_id, buffer_bytes(&signature), 0);
		assert_int_equal(session_bind(&session, buffer_bytes(&body)),
		                 extra == 0 ? BIND_RECORDED : BIND_MALFORMED);
	}
}

static void a_malformed_host_key_is_no_unknown_one(void **state) {
	CLEANUP(session_deinit) struct session session = {0};
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();

	(void)state;
	buffer_put_u8(&host.blob, 0);
	assert_int_equal(bind_by(&session, &host, 1, 0), BIND_BAD_SIGNATURE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_without_a_bind_proves_nothing),
		cmocka_unit_test(a_hostbound_login_at_the_bound_host_is_verified),
		cmocka_unit_test(a_login_elsewhere_than_the_bind_says_is_a_mismatch),
		cmocka_unit_test(a_forwarding_bind_is_no_destination),
		cmocka_unit_test(forwarding_is_remembered_behind_a_remote_login),
		cmocka_unit_test(a_plain_login_on_a_forwarded_connection_proves_nothing),
		cmocka_unit_test(a_forged_bind_is_refused_and_nothing_is_proved_from_then_on),
		cmocka_unit_test(a_signature_of_another_session_is_no_bind),
		cmocka_unit_test(nothing_can_be_bound_after_a_login),
		cmocka_unit_test(the_login_s_own_bind_repeated_is_refused_as_openssh_does),
		cmocka_unit_test(a_repeated_hop_changes_nothing),
		cmocka_unit_test(one_session_has_one_host),
		cmocka_unit_test(the_seventeenth_bind_is_refused),
		cmocka_unit_test(what_a_chain_costs_is_bounded),
		cmocka_unit_test(a_host_is_bound_by_its_certificate_too),
		cmocka_unit_test(a_certificate_that_its_ca_did_not_sign_binds_nothing),
		cmocka_unit_test(a_certificate_by_an_unknown_kind_of_ca_is_unverifiable),
		cmocka_unit_test(what_cannot_be_verified_is_said_so_and_taints),
		cmocka_unit_test(a_bind_cut_anywhere_is_malformed),
		cmocka_unit_test(bytes_behind_a_bind_are_ignored_as_openssh_does),
		cmocka_unit_test(a_session_id_has_its_limit),
		cmocka_unit_test(a_malformed_host_key_is_no_unknown_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
