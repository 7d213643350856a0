#include "unit.h"

#include "base/buffer.h"
#include "wire/message.h"

static bool fits(uint8_t type, uint8_t request_type) {
	return answer_fits((struct bytes){&type, 1}, request_type);
}

static void any_request_may_fail(void **state) {
	(void)state;
	for (unsigned request = 0; request <= UINT8_MAX; request++) {
		assert_true(fits(AGENT_FAILURE, (uint8_t)request));
		assert_true(fits(30, (uint8_t)request));
		assert_true(fits(102, (uint8_t)request));
		assert_false(answer_fits((struct bytes){0}, (uint8_t)request));
	}
}

static void what_changes_the_agent_is_answered_by_success(void **state) {
	const uint8_t requests[] = {
		AGENT_REMOVE_ALL_V1,
		AGENT_ADD_IDENTITY,
		AGENT_REMOVE_IDENTITY,
		AGENT_REMOVE_ALL,
		AGENT_ADD_SMARTCARD,
		AGENT_REMOVE_SMARTCARD,
		AGENT_LOCK,
		AGENT_UNLOCK,
		AGENT_ADD_IDENTITY_CONSTRAINED,
		AGENT_ADD_SMARTCARD_CONSTRAINED,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(requests); i++) {
		assert_true(fits(AGENT_SUCCESS, requests[i]));
		assert_false(fits(AGENT_SIGN_RESPONSE, requests[i]));
		assert_false(fits(AGENT_IDENTITIES_ANSWER, requests[i]));
		assert_false(fits(AGENT_EXTENSION_FAILURE, requests[i]));
		assert_false(fits(requests[i], requests[i]));
	}
}

static void success_answers_neither_a_list_nor_a_signature(void **state) {
	(void)state;
	assert_false(fits(AGENT_SUCCESS, AGENT_REQUEST_IDENTITIES));
	assert_false(fits(AGENT_SUCCESS, AGENT_SIGN_REQUEST));
}

static void a_list_has_as_many_keys_as_it_says(void **state) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	struct bytes cut;

	(void)state;
	buffer_put_u8(&answer, AGENT_IDENTITIES_ANSWER);
	buffer_put_u32(&answer, 2);
	for (int i = 0; i < 2; i++) {
		buffer_put_string(&answer, bytes_of_text("key"));
		buffer_put_string(&answer, bytes_of_text("comment"));
	}
	cut = buffer_bytes(&answer);
	assert_true(answer_fits(cut, AGENT_REQUEST_IDENTITIES));
	assert_false(answer_fits(cut, AGENT_SIGN_REQUEST));
	while (cut.len-- > 0)
		assert_false(answer_fits(cut, AGENT_REQUEST_IDENTITIES));
}

static void an_empty_list_is_a_list(void **state) {
	const uint8_t none[] = {AGENT_IDENTITIES_ANSWER, 0, 0, 0, 0};
	const uint8_t lying[] = {AGENT_IDENTITIES_ANSWER, 0xff, 0xff, 0xff, 0xff};

	(void)state;
	assert_true(answer_fits(BYTES(none), AGENT_REQUEST_IDENTITIES));
	assert_false(answer_fits(BYTES(lying), AGENT_REQUEST_IDENTITIES));
}

static void a_signature_is_a_whole_string(void **state) {
	const uint8_t whole[] = {AGENT_SIGN_RESPONSE, 0, 0, 0, 1, 's'};
	const uint8_t cut[] = {AGENT_SIGN_RESPONSE, 0, 0, 0, 2, 's'};

	(void)state;
	assert_true(answer_fits(BYTES(whole), AGENT_SIGN_REQUEST));
	assert_false(answer_fits(BYTES(cut), AGENT_SIGN_REQUEST));
	assert_false(answer_fits(BYTES(whole), AGENT_REQUEST_IDENTITIES));
}

static void an_extension_has_its_own_answers(void **state) {
	(void)state;
	assert_true(fits(AGENT_SUCCESS, AGENT_EXTENSION));
	assert_true(fits(AGENT_EXTENSION_FAILURE, AGENT_EXTENSION));
	assert_true(fits(AGENT_EXTENSION_RESPONSE, AGENT_EXTENSION));
	assert_false(fits(AGENT_SIGN_RESPONSE, AGENT_EXTENSION));
	assert_false(fits(AGENT_IDENTITIES_ANSWER, AGENT_EXTENSION));
}

static void what_nobody_has_heard_of_may_be_answered_by_anything(void **state) {
	(void)state;
	assert_true(fits(77, 200));
	assert_true(fits(AGENT_SIGN_RESPONSE, 200));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_request_may_fail),
		cmocka_unit_test(what_changes_the_agent_is_answered_by_success),
		cmocka_unit_test(success_answers_neither_a_list_nor_a_signature),
		cmocka_unit_test(a_list_has_as_many_keys_as_it_says),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(a_signature_is_a_whole_string),
		cmocka_unit_test(an_extension_has_its_own_answers),
		cmocka_unit_test(what_nobody_has_heard_of_may_be_answered_by_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
