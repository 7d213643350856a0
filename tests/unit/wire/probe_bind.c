#include "unit.h"

#include "wire/message.h"
#include "wire/probe_bind.h"
#include "wire/session_bind.h"

static enum proof proof_of(bool good, struct buffer *message) {
	struct session_bind bind;
	struct message parsed;
	struct bytes body;

	assert_int_equal(probe_bind_put(message, good), 0);
	body = buffer_bytes(message);
	body.data += MESSAGE_HEADER;
	body.len -= MESSAGE_HEADER;
	assert_int_equal(message_parse(&parsed, body), 0);
	assert_int_equal(parsed.kind, MESSAGE_SESSION_BIND);
	assert_int_equal(session_bind_parse(&bind, parsed.extension_body), 0);
	assert_true(bind.is_forwarding);
	return session_bind_verify(&bind);
}

static void one_is_signed_by_its_host_and_one_is_not(void **state) {
	CLEANUP(buffer_deinit) struct buffer good = {0};
	CLEANUP(buffer_deinit) struct buffer bad = {0};

	(void)state;
	assert_int_equal(proof_of(true, &good), PROOF_GOOD);
	assert_int_equal(proof_of(false, &bad), PROOF_BAD);
}

static void no_two_have_the_same_host_or_session(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};
	CLEANUP(buffer_deinit) struct buffer other = {0};

	(void)state;
	assert_int_equal(proof_of(true, &one), PROOF_GOOD);
	assert_int_equal(proof_of(true, &other), PROOF_GOOD);
	assert_int_equal(one.len, other.len);
	assert_memory_not_equal(one.data, other.data, one.len);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_signed_by_its_host_and_one_is_not),
		cmocka_unit_test(no_two_have_the_same_host_or_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
