/*
 * What OpenSSH's ssh and sshd really sent: the binds and the login of one connection each, recorded
 * before an agent. They are the seeds of the fuzz targets, too, in tests/fuzz/corpus.
 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/file.h"
#include "wire/session.h"
#include "wire/sign_data.h"

static void read_seed(struct buffer *ret, const char *folder, const char *name) {
	const char *source = getenv("GUARD_SOURCE");
	char path[4096];

	if (source == NULL)
		fail_msg("run it by meson test, which says in GUARD_SOURCE where the sources are");
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s", source, folder, name);
	assert_int_equal(file_read(ret, AT_FDCWD, path, 64 * 1024, NULL), 0);
}

struct record {
	const char *name;
	size_t hops;
	enum tri is_forwarded;
	bool hostbound;
	enum meeting meeting;
	const char *algorithm;
};

static void assert_record(const struct record *record) {
	CLEANUP(buffer_deinit) struct buffer binds = {0};
	CLEANUP(buffer_deinit) struct buffer request = {0};
	CLEANUP(session_deinit) struct session session = {0};
	struct payload payload;
	struct cursor cursor;
	struct bytes key_blob;
	char name[64];

	read_seed(&binds, "session_bind", record->name);
	for (cursor = cursor_over(buffer_bytes(&binds)); cursor.rest.len > 0;)
		assert_int_equal(session_bind(&session, cursor_string(&cursor)), BIND_RECORDED);
	assert_int_equal(session.n_hops, record->hops);
	assert_int_equal(session_is_forwarded(&session), record->is_forwarded);

	snprintf(name, sizeof(name), "login-%s", record->name);
	read_seed(&request, "sign_data", name);
	cursor = cursor_over(buffer_bytes(&request));
	key_blob = cursor_string(&cursor);
	sign_data_parse(&payload, cursor_rest(&cursor), key_blob);
	assert_int_equal(payload.kind, PAYLOAD_SSH_LOGIN);
	assert_true(bytes_equal_text(payload.login.user, "root"));
	assert_true(bytes_equal_text(payload.login.algorithm, record->algorithm));
	assert_int_equal(payload.login.hostbound, record->hostbound);
	assert_int_equal(session_meet(&session, &payload.login), record->meeting);
}

static void real_logins_meet_their_binds(void **state) {
	static const char ed25519[] = "ssh-ed25519";
	static const struct record records[] = {
		{"ed25519", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"ed25519-cert", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"rsa2048", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"rsa2048-cert", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"ecdsa256", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"ecdsa256-cert", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"ecdsa521", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		{"ecdsa521-cert", 1, TRI_NO, true, MEETING_VERIFIED, ed25519},
		/* ssh -o PubkeyAuthentication=unbound */
		{"unbound", 1, TRI_NO, false, MEETING_BOUND, ed25519},
		/* ssh -o CertificateFile=..., with the plain key in the agent */
		{"user-cert", 1, TRI_NO, true, MEETING_VERIFIED,
	         "ssh-ed25519-cert-v01@openssh.com"},
		/* ssh -A to one host, and from there to another */
		{"forwarded", 2, TRI_YES, true, MEETING_VERIFIED, ed25519},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		assert_record(&records[i]);
}

static void a_real_login_of_another_connection_is_a_mismatch(void **state) {
	CLEANUP(buffer_deinit) struct buffer bind = {0};
	CLEANUP(buffer_deinit) struct buffer request = {0};
	CLEANUP(session_deinit) struct session session = {0};
	struct payload payload;
	struct cursor cursor;
	struct bytes key_blob;

	(void)state;
	read_seed(&bind, "session_bind", "ed25519");
	read_seed(&request, "sign_data", "login-ecdsa256");
	cursor = cursor_over(buffer_bytes(&bind));
	assert_int_equal(session_bind(&session, cursor_string(&cursor)), BIND_RECORDED);
	cursor = cursor_over(buffer_bytes(&request));
	key_blob = cursor_string(&cursor);
	sign_data_parse(&payload, cursor_rest(&cursor), key_blob);
	assert_int_equal(session_meet(&session, &payload.login), MEETING_MISMATCH);
}

static void a_real_sshsig_is_for_git(void **state) {
	CLEANUP(buffer_deinit) struct buffer request = {0};
	struct payload payload;
	struct cursor cursor;
	struct bytes key_blob;

	(void)state;
	read_seed(&request, "sign_data", "sshsig-git");
	cursor = cursor_over(buffer_bytes(&request));
	key_blob = cursor_string(&cursor);
	sign_data_parse(&payload, cursor_rest(&cursor), key_blob);
	assert_int_equal(payload.kind, PAYLOAD_SSHSIG);
	assert_true(bytes_equal_text(payload.sshsig.name_space, "git"));
	assert_true(bytes_equal_text(payload.sshsig.hash_algorithm, "sha512"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_logins_meet_their_binds),
		cmocka_unit_test(a_real_login_of_another_connection_is_a_mismatch),
		cmocka_unit_test(a_real_sshsig_is_for_git),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
