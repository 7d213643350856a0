#include "keygen.h"

#include <fcntl.h>

#include "base/file.h"
#include "wire/key_file.h"

static enum key_file look_at(const char *path) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	assert_int_equal(file_read(&text, AT_FDCWD, path, 64 * 1024, NULL), 0);
	return key_file_look(buffer_bytes(&text));
}

static enum key_file look_at_text(const char *text) {
	return key_file_look(bytes_of_text(text));
}

/* ssh-keygen's own options, for each of its formats and kinds. */
static const char *const kinds[] = {
	"-t ed25519", "-t rsa -b 2048",  "-t rsa -b 2048 -m PEM", "-t rsa -b 2048 -m PKCS8",
	"-t ecdsa",   "-t ecdsa -m PEM", "-t ecdsa -m PKCS8",
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void make(const char *kind, const char *passphrase) {
	char command[256];

	snprintf(command, sizeof(command),
	         "rm -f key key.pub && ssh-keygen -q -f key %s -N '%s' -C me@here", kind,
	         passphrase);
	keygen_run(command);
}

static void a_key_without_a_passphrase_is_plain(void **state) {
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		make(kinds[i], "");
		assert_int_equal(look_at("key"), KEY_FILE_PLAIN);
	}
}

static void a_key_with_a_passphrase_is_encrypted(void **state) {
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		make(kinds[i], "a passphrase");
		assert_int_equal(look_at("key"), KEY_FILE_ENCRYPTED);
	}
}

static void public_keys_and_other_files_are_none(void **state) {
	(void)state;
	make("-t ed25519", "");
	assert_int_equal(look_at("key.pub"), KEY_FILE_NONE);
	assert_int_equal(look_at_text(""), KEY_FILE_NONE);
	assert_int_equal(look_at_text("Host *\n\tPort 22\n"), KEY_FILE_NONE);
	assert_int_equal(look_at_text("-----BEGIN CERTIFICATE-----\nAAAA\n"), KEY_FILE_NONE);
}

/* The handle of a key that a security key holds: nobody signs with the file alone. */
static void a_security_keys_file_is_not_plain(void **state) {
	static const char sk[] =
		"-----BEGIN OPENSSH PRIVATE KEY-----\n"
		"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAHgAAABpzay1zc2gtZWQy\n"
		"NTUxOUBvcGVuc3NoLmNvbQ==\n"
		"-----END OPENSSH PRIVATE KEY-----\n";

	(void)state;
	assert_int_equal(look_at_text(sk), KEY_FILE_ENCRYPTED);
}

static void puttys_keys_say_so_themselves(void **state) {
	(void)state;
	assert_int_equal(look_at_text("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"),
	                 KEY_FILE_PLAIN);
	assert_int_equal(look_at_text("PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\n"),
	                 KEY_FILE_ENCRYPTED);
}

static void what_is_damaged_counts_as_plain(void **state) {
	(void)state;
	assert_int_equal(look_at_text("-----BEGIN OPENSSH PRIVATE KEY-----\n"), KEY_FILE_PLAIN);
	assert_int_equal(look_at_text("-----BEGIN OPENSSH PRIVATE KEY-----\n!!!!\n-----END"),
	                 KEY_FILE_PLAIN);
	/* base64 of "openssh-key-v1", its NUL, and a length beyond the end */
	assert_int_equal(look_at_text("-----BEGIN OPENSSH PRIVATE KEY-----\n"
	                              "b3BlbnNzaC1rZXktdjEA/////w==\n-----END"),
	                 KEY_FILE_PLAIN);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_without_a_passphrase_is_plain),
		cmocka_unit_test(a_key_with_a_passphrase_is_encrypted),
		cmocka_unit_test(public_keys_and_other_files_are_none),
		cmocka_unit_test(a_security_keys_file_is_not_plain),
		cmocka_unit_test(puttys_keys_say_so_themselves),
		cmocka_unit_test(what_is_damaged_counts_as_plain),
	};

	return cmocka_run_group_tests(tests, keygen_enter, keygen_leave);
}
