/* SSHSIGs as ssh-keygen makes them are good; whatever differs is not. */
#include "unit.h"

#include <string.h>

#include "wire/base64.h"
#include "wire/sshsig.h"

/* By `ssh-keygen -Y sign -n ssh-agent-guard-log`, of MESSAGE. */
#define SIGNATURE                                                                      \
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgOMtyqRARU2EU1T9N09stfUE8qLm4gYCr" \
	"zMrzrXefBNsAAAATc3NoLWFnZW50LWd1YXJkLWxvZwAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gt" \
	"ZWQyNTUxOQAAAEAxY3aEKHlpqgyvIdG2pPxLTYZMFxKen3Blb+v+ZuYmVTGVoFKgbwhMRvZA9YpX" \
	"AABvi69B4itpDnWVT/Y+mu0C"
#define MESSAGE                                                               \
	"12 abababababababababababababababababababababababababababababababab" \
	"\n"

static uint8_t sshsig[1024];
static size_t sshsig_len;

static int decode(void **state) {
	(void)state;
	return base64_decode(sshsig, sizeof(sshsig), &sshsig_len, bytes_of_text(SIGNATURE));
}

static enum proof verify(const char *name_space, const char *message) {
	struct key_facts key;

	return sshsig_verify(&key, (struct bytes){sshsig, sshsig_len}, name_space,
	                     bytes_of_text(message));
}

static void what_ssh_keygen_signed_is_good_and_nothing_else_is(void **state) {
	struct key_facts key = {0};

	(void)state;
	assert_int_equal(sshsig_verify(&key, (struct bytes){sshsig, sshsig_len},
	                               SSHSIG_LOG_NAMESPACE, bytes_of_text(MESSAGE)),
	                 PROOF_GOOD);
	assert_string_equal(key.type, "ssh-ed25519");
	assert_memory_equal(key.fingerprint, "SHA256:", 7);
	assert_int_equal(verify("git", MESSAGE), PROOF_BAD);
	assert_int_equal(verify(SSHSIG_LOG_NAMESPACE, "13" MESSAGE), PROOF_BAD);
	assert_int_equal(verify(SSHSIG_LOG_NAMESPACE, ""), PROOF_BAD);
}

static void no_byte_of_it_may_differ(void **state) {
	(void)state;
	for (size_t at = 0; at < sshsig_len; at++) {
		sshsig[at] ^= 1;
		assert_int_not_equal(verify(SSHSIG_LOG_NAMESPACE, MESSAGE), PROOF_GOOD);
		sshsig[at] ^= 1;
	}
	while (sshsig_len-- > 0)
		assert_int_not_equal(verify(SSHSIG_LOG_NAMESPACE, MESSAGE), PROOF_GOOD);
}

static void data_of_the_namespace_are_known_by_their_beginning(void **state) {
	CLEANUP(buffer_deinit) struct buffer data = {0};

	(void)state;
	assert_int_equal(sshsig_put_data(&data, SSHSIG_LOG_NAMESPACE, bytes_of_text("x")), 0);
	assert_true(sshsig_is_for(buffer_bytes(&data), SSHSIG_LOG_NAMESPACE));
	assert_false(sshsig_is_for(buffer_bytes(&data), "git"));
	/* Whatever follows, even if it is nothing that can be parsed. */
	data.len = strlen("SSHSIG") + 4 + strlen(SSHSIG_LOG_NAMESPACE);
	assert_true(sshsig_is_for(buffer_bytes(&data), SSHSIG_LOG_NAMESPACE));
	data.len--;
	assert_false(sshsig_is_for(buffer_bytes(&data), SSHSIG_LOG_NAMESPACE));
	assert_false(sshsig_is_for((struct bytes){0}, SSHSIG_LOG_NAMESPACE));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_ssh_keygen_signed_is_good_and_nothing_else_is, decode),
		cmocka_unit_test_setup(no_byte_of_it_may_differ, decode),
		cmocka_unit_test(data_of_the_namespace_are_known_by_their_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
