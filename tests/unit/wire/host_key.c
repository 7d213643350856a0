#include "keygen.h"
#include "signer.h"

#include "wire/host_key.h"

static const uint8_t data[64] = "what the host is to sign";

static struct public_key key_of(struct bytes blob) {
	struct public_key key;

	assert_int_equal(public_key_parse(&key, blob), 0);
	return key;
}

static enum proof proof_of(const struct signer *signer, struct bytes signature) {
	struct public_key key = key_of(buffer_bytes(&signer->blob));

	return host_key_verify(&key, signature, BYTES(data));
}

/* A signature holds, and holds no more with any one bit of it, or of the data, changed. */
static void assert_signs(struct signer signer) {
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	struct public_key key = key_of(buffer_bytes(&signer.blob));
	uint8_t other[sizeof(data)];

	signer_sign(&signature, &signer, BYTES(data));
	assert_int_equal(proof_of(&signer, buffer_bytes(&signature)), PROOF_GOOD);
	for (size_t i = 0; i < signature.len; i++) {
		signature.data[i] ^= 1;
		assert_int_not_equal(proof_of(&signer, buffer_bytes(&signature)), PROOF_GOOD);
		signature.data[i] ^= 1;
	}
	for (size_t len = 0; len < signature.len; len++)
		assert_int_equal(proof_of(&signer, (struct bytes){signature.data, len}), PROOF_BAD);
	memcpy(other, data, sizeof(other));
	other[sizeof(other) - 1] ^= 1;
	assert_int_equal(host_key_verify(&key, buffer_bytes(&signature), BYTES(other)), PROOF_BAD);
	buffer_put_u8(&signature, 0);
	assert_int_equal(proof_of(&signer, buffer_bytes(&signature)), PROOF_BAD);
	signer_deinit(&signer);
}

static void a_signature_by_each_kind_of_key_is_verified(void **state) {
	(void)state;
	assert_signs(signer_ed25519());
	assert_signs(signer_ecdsa(256));
	assert_signs(signer_ecdsa(384));
	assert_signs(signer_ecdsa(521));
	assert_signs(signer_rsa(1024, "rsa-sha2-256"));
	assert_signs(signer_rsa(2048, "rsa-sha2-512"));
	assert_signs(signer_sk_ed25519());
	assert_signs(signer_sk_ecdsa());
}

static void another_key_of_the_same_kind_did_not_sign(void **state) {
	CLEANUP(signer_deinit) struct signer one = signer_ed25519();
	CLEANUP(signer_deinit) struct signer other = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer signature = {0};

	(void)state;
	signer_sign(&signature, &one, BYTES(data));
	assert_int_equal(proof_of(&one, buffer_bytes(&signature)), PROOF_GOOD);
	assert_int_equal(proof_of(&other, buffer_bytes(&signature)), PROOF_BAD);
}

static void a_signature_must_be_of_the_key_s_own_kind(void **state) {
	CLEANUP(signer_deinit) struct signer ed25519 = signer_ed25519();
	CLEANUP(signer_deinit) struct signer p256 = signer_ecdsa(256);
	CLEANUP(buffer_deinit) struct buffer signature = {0};

	(void)state;
	ed25519.signature = "ecdsa-sha2-nistp256";
	signer_sign(&signature, &ed25519, BYTES(data));
	assert_int_equal(proof_of(&ed25519, buffer_bytes(&signature)), PROOF_BAD);
	buffer_clear(&signature);
	p256.signature = "ecdsa-sha2-nistp384";
	signer_sign(&signature, &p256, BYTES(data));
	assert_int_equal(proof_of(&p256, buffer_bytes(&signature)), PROOF_BAD);
}

static void what_openssh_takes_and_we_do_not_is_no_forgery(void **state) {
	CLEANUP(signer_deinit) struct signer rsa = signer_rsa(1024, "ssh-rsa");
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	CLEANUP(buffer_deinit) struct buffer dsa = {0};
	struct public_key key;

	(void)state;
	signer_sign(&signature, &rsa, BYTES(data)); /* SHA-1 */
	assert_int_equal(proof_of(&rsa, buffer_bytes(&signature)), PROOF_UNVERIFIABLE);
	put_text(&dsa, "ssh-dss");
	for (int i = 0; i < 4; i++)
		put_text(&dsa, "number");
	key = key_of(buffer_bytes(&dsa));
	assert_int_equal(host_key_verify(&key, bytes_of_text("any"), BYTES(data)),
	                 PROOF_UNVERIFIABLE);
}

static void a_short_rsa_key_proves_nothing(void **state) {
	CLEANUP(signer_deinit) struct signer rsa = signer_rsa(1016, "rsa-sha2-256");
	CLEANUP(buffer_deinit) struct buffer signature = {0};

	(void)state;
	signer_sign(&signature, &rsa, BYTES(data));
	assert_int_equal(proof_of(&rsa, buffer_bytes(&signature)), PROOF_BAD);
}

static void a_point_off_its_curve_proves_nothing(void **state) {
	CLEANUP(signer_deinit) struct signer p256 = signer_ecdsa(256);
	CLEANUP(buffer_deinit) struct buffer signature = {0};

	(void)state;
	signer_sign(&signature, &p256, BYTES(data));
	p256.blob.data[p256.blob.len - 1] ^= 1;
	assert_int_equal(proof_of(&p256, buffer_bytes(&signature)), PROOF_BAD);
}

static void an_empty_or_negative_signature_proves_nothing(void **state) {
	CLEANUP(signer_deinit) struct signer p256 = signer_ecdsa(256);
	static const uint8_t numbers[][12] = {
		{0, 0, 0, 0, 0, 0, 0, 0},             /* 0, 0 */
		{0, 0, 0, 1, 0x81, 0, 0, 0, 1, 0x81}, /* negative */
		{0, 0, 0, 1, 1, 0, 0, 0, 1, 1},
	};

	(void)state;
	assert_int_equal(proof_of(&p256, (struct bytes){0}), PROOF_BAD);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(buffer_deinit) struct buffer signature = {0};

		put_text(&signature, p256.signature);
		buffer_put_string(&signature, (struct bytes){numbers[i], i == 0 ? 8 : 10});
		assert_int_equal(proof_of(&p256, buffer_bytes(&signature)), PROOF_BAD);
	}
}

static void leading_zeros_of_an_rsa_signature_may_be_missing(void **state) {
	CLEANUP(signer_deinit) struct signer rsa = signer_rsa(1024, "rsa-sha2-256");
	struct public_key key = key_of(buffer_bytes(&rsa.blob));
	bool met = false;

	(void)state;
	/* One signature in 256 begins with a zero. */
	for (uint32_t i = 0; i < 20000 && !met; i++) {
		CLEANUP(buffer_deinit) struct buffer signature = {0};
		CLEANUP(buffer_deinit) struct buffer shorter = {0};
		struct bytes number = {(const uint8_t *)&i, sizeof(i)};
		struct cursor cursor;
		struct bytes body;

		signer_sign(&signature, &rsa, number);
		cursor = cursor_over(buffer_bytes(&signature));
		cursor_string(&cursor);
		body = cursor_string(&cursor);
		if (body.data[0] != 0)
			continue;
		met = true;
		put_text(&shorter, rsa.signature);
		buffer_put_string(&shorter, (struct bytes){body.data + 1, body.len - 1});
		assert_int_equal(host_key_verify(&key, buffer_bytes(&shorter), number), PROOF_GOOD);
	}
	assert_true(met);
}

static void certificates_that_ssh_keygen_makes_are_verified(void **state) {
	static const struct {
		const char *ca;
		const char *options;
		enum proof proof;
	} kinds[] = {
		{"-t ed25519", "", PROOF_GOOD},
		{"-t ecdsa -b 256", "", PROOF_GOOD},
		{"-t ecdsa -b 384", "", PROOF_GOOD},
		{"-t ecdsa -b 521", "", PROOF_GOOD},
		{"-t rsa -b 2048", "", PROOF_GOOD},
		{"-t rsa -b 2048", "-t rsa-sha2-256", PROOF_GOOD},
		{"-t rsa -b 2048", "-t ssh-rsa", PROOF_UNVERIFIABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		CLEANUP(buffer_deinit) struct buffer blob = {0};
		struct public_key key;
		char command[128];

		keygen_run("rm -f ca host ca.pub host.pub");
		assert_true(keygen_make("ca", kinds[i].ca) && keygen_make("host", "-t ed25519"));
		snprintf(command, sizeof(command),
		         "ssh-keygen -q -h -s ca %s -I id -n host.example host.pub",
		         kinds[i].options);
		keygen_run(command);
		keygen_read_blob(&blob, "host-cert.pub");
		key = key_of(buffer_bytes(&blob));
		assert_int_equal(certificate_verify(&key), kinds[i].proof);
		if (kinds[i].proof == PROOF_GOOD)
			assert_null(host_certificate_fault(&key, 1800000000));
		/* A bit of the key id: the certificate still parses. */
		blob.data[(size_t)(key.certificate.key_id.data - blob.data)] ^= 1;
		key = key_of(buffer_bytes(&blob));
		assert_int_not_equal(certificate_verify(&key), PROOF_GOOD);
		assert_non_null(host_certificate_fault(&key, 1800000000));
	}
}

/* NULL where it is good for a host in the year 1970, 1500 seconds past midnight. */
static const char *fault_of(const struct signer *host, const struct signer *ca, uint32_t type,
                            const char *principal, const char *critical, int64_t now_s) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	struct public_key key;

	signer_certify(&blob, host, ca, type, principal, critical);
	key = key_of(buffer_bytes(&blob));
	return host_certificate_fault(&key, now_s);
}

static void a_certificate_is_good_for_a_host_in_its_time_alone(void **state) {
	CLEANUP(signer_deinit) struct signer host = signer_ecdsa(256);
	CLEANUP(signer_deinit) struct signer ca = signer_sk_ed25519();

	(void)state;
	assert_null(fault_of(&host, &ca, CERTIFICATE_HOST, "a", NULL, 1500));
	assert_null(fault_of(&host, &ca, CERTIFICATE_HOST, "a", NULL, 1000));
	assert_null(fault_of(&host, &ca, CERTIFICATE_HOST, "a", NULL, 1999));
	assert_string_equal(fault_of(&host, &ca, CERTIFICATE_HOST, "a", NULL, 999),
	                    "it is not valid yet");
	assert_string_equal(fault_of(&host, &ca, CERTIFICATE_HOST, "a", NULL, -1),
	                    "it is not valid yet");
	assert_string_equal(fault_of(&host, &ca, CERTIFICATE_HOST, "a", NULL, 2000),
	                    "it has expired");
	assert_string_equal(fault_of(&host, &ca, CERTIFICATE_USER, "a", NULL, 1500),
	                    "it is no host's certificate");
	assert_string_equal(fault_of(&host, &ca, CERTIFICATE_HOST, NULL, NULL, 1500),
	                    "it names no host");
	assert_non_null(fault_of(&host, &ca, CERTIFICATE_HOST, "a", "force-command", 1500));
}

static void a_plain_key_is_no_certificate_and_no_ca_has_one(void **state) {
	CLEANUP(signer_deinit) struct signer host = signer_ed25519();
	CLEANUP(signer_deinit) struct signer ca = signer_ed25519();
	CLEANUP(signer_deinit) struct signer certified = signer_ed25519();
	CLEANUP(buffer_deinit) struct buffer certificate = {0};
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	struct public_key key = key_of(buffer_bytes(&host.blob));

	(void)state;
	assert_string_equal(host_certificate_fault(&key, 1500), "it is no certificate");
	signer_certify(&certificate, &certified, &ca, CERTIFICATE_HOST, "ca", NULL);
	buffer_clear(&certified.blob);
	buffer_put_raw(&certified.blob, buffer_bytes(&certificate));
	signer_certify(&blob, &host, &certified, CERTIFICATE_HOST, "a", NULL);
	key = key_of(buffer_bytes(&blob));
	assert_int_equal(certificate_verify(&key), PROOF_BAD);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_by_each_kind_of_key_is_verified),
		cmocka_unit_test(another_key_of_the_same_kind_did_not_sign),
		cmocka_unit_test(a_signature_must_be_of_the_key_s_own_kind),
		cmocka_unit_test(what_openssh_takes_and_we_do_not_is_no_forgery),
		cmocka_unit_test(a_short_rsa_key_proves_nothing),
		cmocka_unit_test(a_point_off_its_curve_proves_nothing),
		cmocka_unit_test(an_empty_or_negative_signature_proves_nothing),
		cmocka_unit_test(leading_zeros_of_an_rsa_signature_may_be_missing),
		cmocka_unit_test_setup_teardown(certificates_that_ssh_keygen_makes_are_verified,
	                                        keygen_enter, keygen_leave),
		cmocka_unit_test(a_certificate_is_good_for_a_host_in_its_time_alone),
		cmocka_unit_test(a_plain_key_is_no_certificate_and_no_ca_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
