#include "keygen.h"

#include "wire/sign_data.h"

static const uint8_t session_id[32] = {1, 2, 3};

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_string(buffer, bytes_of_text(text));
}

static void put_ed25519(struct buffer *blob, uint8_t filler) {
	uint8_t key[32];

	memset(key, filler, sizeof(key));
	put_text(blob, "ssh-ed25519");
	buffer_put_string(blob, BYTES(key));
}

/* What goes into a login; each test changes one of it. */
struct parts {
	struct bytes session_id;
	uint8_t number;
	struct bytes user;
	const char *service;
	const char *method;
	uint8_t has_signature;
	const char *algorithm;
	struct bytes key;
	struct bytes host_key; /* left out where it has no address */
	const char *behind;
};

static void put_login(struct buffer *data, const struct parts *parts) {
	buffer_put_string(data, parts->session_id);
	buffer_put_u8(data, parts->number);
	buffer_put_string(data, parts->user);
	put_text(data, parts->service);
	put_text(data, parts->method);
	buffer_put_u8(data, parts->has_signature);
	put_text(data, parts->algorithm);
	buffer_put_string(data, parts->key);
	if (parts->host_key.data != NULL)
		buffer_put_string(data, parts->host_key);
	buffer_put_raw(data, bytes_of_text(parts->behind));
}

static struct parts plain_login(const struct buffer *key) {
	return (struct parts){
		.session_id = BYTES(session_id),
		.number = 50,
		.user = bytes_of_text("git"),
		.service = "ssh-connection",
		.method = "publickey",
		.has_signature = 1,
		.algorithm = "ssh-ed25519",
		.key = buffer_bytes(key),
		.behind = "",
	};
}

static enum payload_kind kind_of(const struct parts *parts, const struct buffer *key) {
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct payload payload;

	put_login(&data, parts);
	sign_data_parse(&payload, buffer_bytes(&data), buffer_bytes(key));
	return payload.kind;
}

static void a_login_names_user_and_session(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct parts parts;
	struct payload payload;

	(void)state;
	put_ed25519(&key, 1);
	parts = plain_login(&key);
	put_login(&data, &parts);
	sign_data_parse(&payload, buffer_bytes(&data), buffer_bytes(&key));
	assert_int_equal(payload.kind, PAYLOAD_SSH_LOGIN);
	assert_true(bytes_equal_text(payload.login.user, "git"));
	assert_true(bytes_equal(payload.login.session_id, BYTES(session_id)));
	assert_true(bytes_equal_text(payload.login.algorithm, "ssh-ed25519"));
	assert_false(payload.login.hostbound);
	assert_int_equal(payload.login.host_key.len, 0);
	assert_int_equal(payload.len, data.len);
	assert_string_equal(payload.sha256, "");
}

static void a_hostbound_login_names_the_host_key(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	CLEANUP(buffer_deinit) struct buffer host = {0};
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct parts parts;
	struct payload payload;

	(void)state;
	put_ed25519(&key, 1);
	put_ed25519(&host, 2);
	parts = plain_login(&key);
	parts.method = "publickey-hostbound-v00@openssh.com";
	parts.host_key = buffer_bytes(&host);
	put_login(&data, &parts);
	sign_data_parse(&payload, buffer_bytes(&data), buffer_bytes(&key));
	assert_int_equal(payload.kind, PAYLOAD_SSH_LOGIN);
	assert_true(payload.login.hostbound);
	assert_true(bytes_equal(payload.login.host_key, buffer_bytes(&host)));
}

static void what_is_almost_a_login_is_unknown(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	CLEANUP(buffer_deinit) struct buffer other = {0};
	struct parts whole, parts;

	(void)state;
	put_ed25519(&key, 1);
	put_ed25519(&other, 2);
	whole = plain_login(&key);
	assert_int_equal(kind_of(&whole, &key), PAYLOAD_SSH_LOGIN);

	parts = whole;
	parts.session_id.len = 0;
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.number = 51;
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.user = (struct bytes){(const uint8_t *)"a\0b", 3};
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.service = "ssh-userauth";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.method = "hostbased";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.has_signature = 0;
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.has_signature = 2;
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.algorithm = "rsa-sha2-256";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.algorithm = "ssh-ed25519-cert-v01@openssh.com";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.key = buffer_bytes(&other);
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.behind = "x";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.host_key = buffer_bytes(&other); /* without the method for it */
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts = whole;
	parts.method = "publickey-hostbound-v00@openssh.com"; /* without the key */
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts.host_key = bytes_of_text("no key");
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts.host_key = (struct bytes){key.data, key.len - 1};
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
}

static void a_login_cut_anywhere_is_unknown(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct parts parts;
	struct payload payload;

	(void)state;
	put_ed25519(&key, 1);
	parts = plain_login(&key);
	put_login(&data, &parts);
	for (size_t len = 0; len < data.len; len++) {
		sign_data_parse(&payload, (struct bytes){data.data, len}, buffer_bytes(&key));
		assert_int_equal(payload.kind, PAYLOAD_UNKNOWN);
		assert_int_equal(payload.len, len);
		assert_int_equal(strlen(payload.sha256), PAYLOAD_SHA256_SIZE - 1);
	}
}

static void an_algorithm_suits_by_the_kind_of_its_key_as_for_openssh(void **state) {
	static const struct {
		const char *options, *algorithm, *certificate_algorithm;
	} kinds[] = {
		{"-t rsa -b 1024", "ssh-rsa", "ssh-rsa-cert-v01@openssh.com"},
		{"-t rsa -b 1024", "rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"},
		{"-t ecdsa -b 384", "ecdsa-sha2-nistp384",
	         "ecdsa-sha2-nistp384-cert-v01@openssh.com"},
		{"-t ecdsa -b 384", "ecdsa-sha2-nistp256",
	         "ecdsa-sha2-nistp521-cert-v01@openssh.com"},
	};

	(void)state;
	assert_true(keygen_make("ca", "-t ed25519"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		CLEANUP(buffer_deinit) struct buffer key = {0};
		CLEANUP(buffer_deinit) struct buffer certificate = {0};
		CLEANUP(buffer_deinit) struct buffer other = {0};
		struct parts parts;

		keygen_read_blob(&other, "ca.pub");
		unlink("key");
		assert_true(keygen_make("key", kinds[i].options));
		keygen_run("ssh-keygen -q -s ca -I id -n me key.pub");
		keygen_read_blob(&key, "key.pub");
		keygen_read_blob(&certificate, "key-cert.pub");
		parts = plain_login(&key);
		parts.algorithm = kinds[i].algorithm;
		assert_int_equal(kind_of(&parts, &key), PAYLOAD_SSH_LOGIN);
		parts.algorithm = kinds[i].certificate_algorithm;
		assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
		parts.key = buffer_bytes(&certificate);
		assert_int_equal(kind_of(&parts, &certificate), PAYLOAD_SSH_LOGIN);
		/* ssh -o CertificateFile=..., with the plain key in the agent */
		assert_int_equal(kind_of(&parts, &key), PAYLOAD_SSH_LOGIN);
		assert_int_equal(kind_of(&parts, &other), PAYLOAD_UNKNOWN);
	}
}

static void a_key_of_an_unknown_type_can_log_in_under_its_own_name(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	struct parts parts;

	(void)state;
	put_text(&key, "ssh-new@example.org");
	put_text(&key, "bits");
	parts = plain_login(&key);
	parts.algorithm = "ssh-new@example.org";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_SSH_LOGIN);
	parts.algorithm = "ssh-newer@example.org";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
	parts.algorithm = "ssh-ed25519";
	assert_int_equal(kind_of(&parts, &key), PAYLOAD_UNKNOWN);
}

static void put_sshsig(struct buffer *data, const char *name_space) {
	buffer_put_raw(data, bytes_of_text("SSHSIG"));
	put_text(data, name_space);
	put_text(data, "");
	put_text(data, "sha512");
	put_text(data, "the hash");
}

static void an_sshsig_names_its_namespace(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct payload payload;

	(void)state;
	put_ed25519(&key, 1);
	put_sshsig(&data, "git");
	sign_data_parse(&payload, buffer_bytes(&data), buffer_bytes(&key));
	assert_int_equal(payload.kind, PAYLOAD_SSHSIG);
	assert_true(bytes_equal_text(payload.sshsig.name_space, "git"));
	assert_true(bytes_equal_text(payload.sshsig.hash_algorithm, "sha512"));
	buffer_put_u8(&data, 0);
	sign_data_parse(&payload, buffer_bytes(&data), buffer_bytes(&key));
	assert_int_equal(payload.kind, PAYLOAD_UNKNOWN);
	for (size_t len = data.len - 2; len > 0; len--) {
		sign_data_parse(&payload, (struct bytes){data.data, len}, buffer_bytes(&key));
		assert_int_equal(payload.kind, PAYLOAD_UNKNOWN);
	}
}

static void an_sshsig_inside_a_login_stays_a_login(void **state) {
	CLEANUP(buffer_deinit) struct buffer key = {0};
	CLEANUP(buffer_deinit) struct buffer inner = {0};
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct payload payload;
	struct parts parts;

	(void)state;
	put_ed25519(&key, 1);
	put_sshsig(&inner, "git");
	parts = plain_login(&key);
	parts.session_id = buffer_bytes(&inner);
	put_login(&data, &parts);
	sign_data_parse(&payload, buffer_bytes(&data), buffer_bytes(&key));
	assert_int_equal(payload.kind, PAYLOAD_SSH_LOGIN);
	assert_int_equal(payload.sshsig.name_space.len, 0);
}

static void unknown_bytes_are_told_by_length_and_hash(void **state) {
	struct payload payload;

	(void)state;
	sign_data_parse(&payload, bytes_of_text("abc"), (struct bytes){0});
	assert_int_equal(payload.kind, PAYLOAD_UNKNOWN);
	assert_int_equal(payload.len, 3);
	assert_string_equal(payload.sha256,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sign_data_parse(&payload, (struct bytes){0}, (struct bytes){0});
	assert_int_equal(payload.kind, PAYLOAD_UNKNOWN);
	assert_string_equal(payload.sha256,
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_names_user_and_session),
		cmocka_unit_test(a_hostbound_login_names_the_host_key),
		cmocka_unit_test(what_is_almost_a_login_is_unknown),
		cmocka_unit_test(a_login_cut_anywhere_is_unknown),
		cmocka_unit_test_setup_teardown(
			an_algorithm_suits_by_the_kind_of_its_key_as_for_openssh, keygen_enter,
			keygen_leave),
		cmocka_unit_test(a_key_of_an_unknown_type_can_log_in_under_its_own_name),
		cmocka_unit_test(an_sshsig_names_its_namespace),
		cmocka_unit_test(an_sshsig_inside_a_login_stays_a_login),
		cmocka_unit_test(unknown_bytes_are_told_by_length_and_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
