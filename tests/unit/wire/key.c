#include "keygen.h"

#include <errno.h>

#include "wire/key.h"

static const struct {
	const char *options;
	const char *type;
} kinds[] = {
	{"-t ed25519", "ssh-ed25519"},
	{"-t rsa -b 2048", "ssh-rsa"},
	{"-t rsa -b 1024", "ssh-rsa"},
	{"-t ecdsa -b 256", "ecdsa-sha2-nistp256"},
	{"-t ecdsa -b 384", "ecdsa-sha2-nistp384"},
	{"-t ecdsa -b 521", "ecdsa-sha2-nistp521"},
	{"-t dsa", "ssh-dss"},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const uint8_t point_p256[65] = {
	0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
	0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
	0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
	0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
	0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
}; /* the curve's generator */

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_string(buffer, bytes_of_text(text));
}

static void assert_facts_as_keygen(struct bytes blob, const char *type, const char *path) {
	struct key_facts facts = {0};
	char expected[128];

	keygen_fingerprint(expected, path);
	assert_int_equal(key_facts_of_blob(&facts, blob), 0);
	assert_string_equal(facts.fingerprint, expected);
	assert_string_equal(facts.type, type);
}

static void every_key_has_the_fingerprint_that_ssh_keygen_prints(void **state) {
	size_t made = 0;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		CLEANUP(buffer_deinit) struct buffer blob = {0};
		char name[16], pub[32];

		snprintf(name, sizeof(name), "key%zu", i);
		snprintf(pub, sizeof(pub), "key%zu.pub", i);
		if (!keygen_make(name, kinds[i].options))
			continue;
		made++;
		keygen_read_blob(&blob, pub);
		assert_facts_as_keygen(buffer_bytes(&blob), kinds[i].type, pub);
	}
	assert_true(made >= KINDS - 1); /* new ones no longer make DSA */
}

static void a_certificate_is_known_by_its_plain_key(void **state) {
	(void)state;
	assert_true(keygen_make("ca", "-t ed25519"));
	for (size_t i = 0; i < KINDS; i++) {
		CLEANUP(buffer_deinit) struct buffer blob = {0};
		char name[16], pub[32], cert[32], command[128], type[KEY_TYPE_SIZE];

		snprintf(name, sizeof(name), "key%zu", i);
		snprintf(pub, sizeof(pub), "key%zu.pub", i);
		snprintf(cert, sizeof(cert), "key%zu-cert.pub", i);
		if (!keygen_make(name, kinds[i].options))
			continue;
		snprintf(command, sizeof(command),
		         "ssh-keygen -q -s ca -I id -n me,you -O force-command=x %s", pub);
		keygen_run(command);
		keygen_read_blob(&blob, cert);
		snprintf(type, sizeof(type), "%s-cert-v01@openssh.com", kinds[i].type);
		assert_facts_as_keygen(buffer_bytes(&blob), type, pub);
		assert_facts_as_keygen(buffer_bytes(&blob), type, cert);
	}
}

static void security_keys_have_it_too(void **state) {
	CLEANUP(buffer_deinit) struct buffer ed25519 = {0};
	CLEANUP(buffer_deinit) struct buffer ecdsa = {0};
	struct key_facts facts;
	uint8_t key[32];
	char expected[128];

	(void)state;
	memset(key, 7, sizeof(key));
	put_text(&ed25519, "sk-ssh-ed25519@openssh.com");
	buffer_put_string(&ed25519, BYTES(key));
	put_text(&ed25519, "ssh:");
	keygen_fingerprint_of_blob(expected, "sk-ssh-ed25519@openssh.com", buffer_bytes(&ed25519));
	assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&ed25519)), 0);
	assert_string_equal(facts.fingerprint, expected);
	assert_string_not_equal(facts.fingerprint, "");

	put_text(&ecdsa, "sk-ecdsa-sha2-nistp256@openssh.com");
	put_text(&ecdsa, "nistp256");
	buffer_put_string(&ecdsa, BYTES(point_p256));
	put_text(&ecdsa, "ssh:host");
	keygen_fingerprint_of_blob(expected, "sk-ecdsa-sha2-nistp256@openssh.com",
	                           buffer_bytes(&ecdsa));
	assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&ecdsa)), 0);
	assert_string_equal(facts.fingerprint, expected);
	assert_string_not_equal(facts.fingerprint, "");
}

/* name, then the key of an RSA blob with numbers led by so many zeros. */
static void put_rsa(struct buffer *blob, struct bytes name, const struct public_key *key,
                    size_t zeros) {
	const uint8_t nothing[4] = {0};

	assert_true(zeros <= sizeof(nothing));
	buffer_put_string(blob, name);
	for (size_t i = 0; i < 2; i++) {
		bool high = key->fields[i].data[0] >= 0x80;

		buffer_put_u32(blob, (uint32_t)(key->fields[i].len + zeros + high));
		buffer_put_raw(blob, (struct bytes){nothing, zeros + high});
		buffer_put_raw(blob, key->fields[i]);
	}
}

static void another_way_to_write_a_key_is_the_same_key(void **state) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	struct public_key key;
	struct key_facts plain;

	(void)state;
	assert_true(keygen_make("rsa", "-t rsa -b 1024"));
	keygen_read_blob(&blob, "rsa.pub");
	assert_int_equal(public_key_parse(&key, buffer_bytes(&blob)), 0);
	assert_int_equal(key_facts_of_blob(&plain, buffer_bytes(&blob)), 0);

	for (size_t i = 0; i < 8; i++) {
		static const char *const names[] = {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512",
		                                    "ssh-rsa"};
		CLEANUP(buffer_deinit) struct buffer other = {0};
		struct bytes name = bytes_of_text(names[i % 4]);
		struct key_facts facts;
		char expected[128];

		if (i % 4 == 3)
			name.len++; /* with its NUL */
		put_rsa(&other, name, &key, i / 4);
		keygen_fingerprint_of_blob(expected, names[i % 4], buffer_bytes(&other));
		assert_string_equal(expected, plain.fingerprint); /* so says OpenSSH */
		assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&other)), 0);
		assert_string_equal(facts.fingerprint, plain.fingerprint);
		assert_string_equal(facts.type, "ssh-rsa");
		assert_true(key_blobs_equal(buffer_bytes(&other), buffer_bytes(&blob)));
	}
}

static void a_malformed_key_has_no_fingerprint(void **state) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	struct bytes cut;
	struct key_facts facts;

	(void)state;
	assert_true(keygen_make("rsa", "-t rsa -b 1024"));
	keygen_read_blob(&blob, "rsa.pub");
	buffer_put_u8(&blob, 0);
	cut = buffer_bytes(&blob);
	assert_int_equal(key_facts_of_blob(&facts, cut), 0); /* trailing byte */
	assert_string_equal(facts.fingerprint, "");
	cut.len--;
	assert_int_equal(key_facts_of_blob(&facts, cut), 0);
	assert_string_not_equal(facts.fingerprint, "");
	for (cut.len--; cut.len >= 11; cut.len--) { /* cut anywhere behind the name */
		assert_int_equal(key_facts_of_blob(&facts, cut), 0);
		assert_string_equal(facts.fingerprint, "");
		assert_string_equal(facts.type, "ssh-rsa");
	}
	for (; cut.len > 0; cut.len--)
		assert_int_equal(key_facts_of_blob(&facts, cut), -EBADMSG);
}

static void what_openssh_refuses_in_a_key_is_no_key(void **state) {
	const uint8_t negative[] = {0x80, 1};
	const uint8_t short_key[31] = {0};
	const uint8_t compressed[33] = {2};
	struct public_key key;

	(void)state;
	for (int i = 0; i < 6; i++) {
		CLEANUP(buffer_deinit) struct buffer blob = {0};

		switch (i) {
		case 0:
			put_text(&blob, "ssh-rsa");
			buffer_put_string(&blob, BYTES(negative));
			put_text(&blob, "n");
			break;
		case 1:
			put_text(&blob, "ssh-ed25519");
			buffer_put_string(&blob, BYTES(short_key));
			break;
		case 2:
			put_text(&blob, "ecdsa-sha2-nistp256");
			put_text(&blob, "nistp384");
			buffer_put_string(&blob, BYTES(point_p256));
			break;
		case 3:
			put_text(&blob, "ecdsa-sha2-nistp256");
			put_text(&blob, "nistp256");
			buffer_put_string(&blob, BYTES(compressed));
			break;
		case 4:
			put_text(&blob, "sk-ecdsa-sha2-nistp256@openssh.com");
			put_text(&blob, "nistp256");
			buffer_put_string(&blob, BYTES(point_p256));
			buffer_put_string(&blob, (struct bytes){(const uint8_t *)"a\0b", 3});
			break;
		case 5:
			put_text(&blob, "ssh-rsa-cert-v01@openssh.com");
			put_text(&blob, "nonce");
			put_text(&blob, "e");
			put_text(&blob, "n");
			break;
		}
		assert_int_equal(public_key_parse(&key, buffer_bytes(&blob)), -EBADMSG);
		assert_false(key_blobs_equal(buffer_bytes(&blob), buffer_bytes(&blob)));
	}
}

static void a_key_of_an_unknown_type_is_known_by_its_bytes(void **state) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	uint8_t digest[32];
	char base64[45], expected[64];
	struct public_key key;
	struct key_facts facts;

	(void)state;
	put_text(&blob, "ssh-new@example.org");
	put_text(&blob, "bits");
	assert_int_equal(public_key_parse(&key, buffer_bytes(&blob)), -ENOTSUP);
	assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&blob)), 0);
	EVP_Digest(blob.data, blob.len, digest, NULL, EVP_sha256(), NULL);
	EVP_EncodeBlock((uint8_t *)base64, digest, sizeof(digest));
	snprintf(expected, sizeof(expected), "SHA256:%.43s", base64);
	assert_string_equal(facts.fingerprint, expected);
	assert_string_equal(facts.type, "ssh-new@example.org");
	assert_true(key_blobs_equal(buffer_bytes(&blob), buffer_bytes(&blob)));
}

static void what_cannot_be_told_of_an_unknown_type_stays_unknown(void **state) {
	const struct bytes names[] = {
		bytes_of_text("ssh-new-cert-v01@openssh.com"),   /* its plain key */
		{(const uint8_t *)"ssh-new", sizeof("ssh-new")}, /* which form is usual */
		bytes_of_text("ssh new"),                        /* no algorithm's name */
		bytes_of_text("ssh-\x1b[31m"),                   /* no text at all */
		bytes_of_text("a2345678901234567890123456789012345678901234567890123456789012345"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		CLEANUP(buffer_deinit) struct buffer blob = {0};
		struct key_facts facts;

		buffer_put_string(&blob, names[i]);
		put_text(&blob, "bits");
		assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&blob)), 0);
		assert_string_equal(facts.fingerprint, "");
		assert_string_equal(facts.type, i == 0   ? "ssh-new-cert-v01@openssh.com"
		                                : i == 1 ? "ssh-new"
		                                         : "");
	}
}

static void a_blob_without_a_name_is_refused_and_nothing_touched(void **state) {
	const uint8_t lying[] = {0xff, 0xff, 0xff, 0xff, 's', 's', 'h'};
	const uint8_t unnamed[] = {0, 0, 0, 0, 'k', 'e', 'y'};
	const uint8_t split[] = {0, 0, 0, 3, 'a', 0, 'b'};
	struct key_facts facts = {.type = "before"};

	(void)state;
	assert_int_equal(key_facts_of_blob(&facts, BYTES(lying)), -EBADMSG);
	assert_int_equal(key_facts_of_blob(&facts, BYTES(unnamed)), -EBADMSG);
	assert_int_equal(key_facts_of_blob(&facts, BYTES(split)), -EBADMSG);
	assert_int_equal(key_facts_of_blob(&facts, (struct bytes){0}), -EBADMSG);
	assert_string_equal(facts.type, "before");
}

static void a_certificate_is_taken_apart(void **state) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	CLEANUP(buffer_deinit) struct buffer ca = {0};
	struct public_key key;
	struct bytes rest, principal;

	(void)state;
	assert_true(keygen_make("ca", "-t ecdsa") && keygen_make("host", "-t ed25519"));
	keygen_run("ssh-keygen -q -h -s ca -I 'the id' -n a.example,b.example -z 42 "
	           "-V 20200101000000Z:20300101000000Z host.pub 2>/dev/null || "
	           "TZ=UTC ssh-keygen -q -h -s ca -I 'the id' -n a.example,b.example -z 42 "
	           "-V 20200101000000:20300101000000 host.pub");
	keygen_read_blob(&blob, "host-cert.pub");
	keygen_read_blob(&ca, "ca.pub");
	assert_int_equal(public_key_parse(&key, buffer_bytes(&blob)), 0);
	assert_int_equal(key.certificate.type, CERTIFICATE_HOST);
	assert_int_equal(key.certificate.serial, 42);
	assert_true(bytes_equal_text(key.certificate.key_id, "the id"));
	assert_int_equal(key.certificate.valid_after, 1577836800);
	assert_int_equal(key.certificate.valid_before, 1893456000);
	assert_int_equal(key.certificate.critical_options.len, 0);
	assert_true(bytes_equal(key.certificate.ca_key, buffer_bytes(&ca)));
	assert_int_equal(key.certificate.n_principals, 2);
	rest = key.certificate.principals;
	assert_true(certificate_principal(&principal, &rest));
	assert_true(bytes_equal_text(principal, "a.example"));
	assert_true(certificate_principal(&principal, &rest));
	assert_true(bytes_equal_text(principal, "b.example"));
	assert_false(certificate_principal(&principal, &rest));
}

static void a_certificate_equals_only_itself(void **state) {
	CLEANUP(buffer_deinit) struct buffer plain = {0};
	CLEANUP(buffer_deinit) struct buffer first = {0};
	CLEANUP(buffer_deinit) struct buffer second = {0};

	(void)state;
	assert_true(keygen_make("ca", "-t ed25519") && keygen_make("key", "-t ed25519"));
	keygen_read_blob(&plain, "key.pub");
	keygen_run("ssh-keygen -q -s ca -I one key.pub");
	keygen_read_blob(&first, "key-cert.pub");
	keygen_run("ssh-keygen -q -s ca -I two key.pub");
	keygen_read_blob(&second, "key-cert.pub");
	assert_true(key_blobs_equal(buffer_bytes(&plain), buffer_bytes(&plain)));
	assert_true(key_blobs_equal(buffer_bytes(&first), buffer_bytes(&first)));
	assert_false(key_blobs_equal(buffer_bytes(&first), buffer_bytes(&second)));
	assert_false(key_blobs_equal(buffer_bytes(&first), buffer_bytes(&plain)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, keygen_enter, keygen_leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(every_key_has_the_fingerprint_that_ssh_keygen_prints),
		TEST(a_certificate_is_known_by_its_plain_key),
		TEST(security_keys_have_it_too),
		TEST(another_way_to_write_a_key_is_the_same_key),
		TEST(a_malformed_key_has_no_fingerprint),
		TEST(what_openssh_refuses_in_a_key_is_no_key),
		TEST(a_key_of_an_unknown_type_is_known_by_its_bytes),
		TEST(what_cannot_be_told_of_an_unknown_type_stays_unknown),
		TEST(a_blob_without_a_name_is_refused_and_nothing_touched),
		TEST(a_certificate_is_taken_apart),
		TEST(a_certificate_equals_only_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
