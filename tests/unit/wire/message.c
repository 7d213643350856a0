#include "unit.h"

#include <errno.h>

#include "base/buffer.h"
#include "wire/message.h"

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_string(buffer, bytes_of_text(text));
}

/* A string in a string: an Ed25519 key of 32 equal bytes. */
static void put_ed25519(struct buffer *buffer, uint8_t filler) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	uint8_t key[32];

	memset(key, filler, sizeof(key));
	put_text(&blob, "ssh-ed25519");
	buffer_put_string(&blob, BYTES(key));
	buffer_put_string(buffer, buffer_bytes(&blob));
}

/* Every message cut anywhere is refused, but still says what it was going to be. */
static void assert_cut_is_refused(struct bytes whole, enum operation operation) {
	struct message message;

	assert_int_equal(message_parse(&message, whole), 0);
	assert_int_equal(message.operation, operation);
	for (struct bytes cut = {whole.data, whole.len - 1}; cut.len > 0; cut.len--) {
		memset(&message, 0xff, sizeof(message));
		assert_int_equal(message_parse(&message, cut), -EBADMSG);
		assert_int_equal(message.type, whole.data[0]);
		assert_int_equal(message.kind, MESSAGE_OPERATION);
		assert_int_equal(message.operation, operation);
		assert_false(message.has_key);
		assert_int_equal(message.data.len, 0);
	}
}

static void a_length_counts_its_own_header(void **state) {
	const uint8_t stream[] = {0, 0, 0, 1, 11, 0, 0};
	const uint8_t largest[] = {0, 4, 0, 0};
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < MESSAGE_HEADER; i++) {
		assert_int_equal(message_length(&len, (struct bytes){stream, i}), 0);
		assert_int_equal(len, 0);
	}
	assert_int_equal(message_length(&len, BYTES(stream)), 0);
	assert_int_equal(len, 5);
	assert_int_equal(message_length(&len, BYTES(largest)), 0);
	assert_int_equal(len, MESSAGE_HEADER + MESSAGE_LEN_MAX);
}

static void an_empty_or_too_large_message_ends_the_stream(void **state) {
	const uint8_t empty[] = {0, 0, 0, 0};
	const uint8_t larger[] = {0, 4, 0, 1};
	const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
	size_t len = 77;

	(void)state;
	assert_int_equal(message_length(&len, BYTES(empty)), -EMSGSIZE);
	assert_int_equal(message_length(&len, BYTES(larger)), -EMSGSIZE);
	assert_int_equal(message_length(&len, BYTES(huge)), -EMSGSIZE);
	assert_int_equal(len, 77);
}

static void a_sign_request_has_key_data_and_flags(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct message message;

	(void)state;
	buffer_put_u8(&buffer, AGENT_SIGN_REQUEST);
	put_ed25519(&buffer, 1);
	put_text(&buffer, "to be signed");
	buffer_put_u32(&buffer, 4);
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_SIGN);
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_int_equal(message.kind, MESSAGE_OPERATION);
	assert_true(message.has_key);
	assert_string_equal(message.key.type, "ssh-ed25519");
	assert_int_equal(strlen(message.key.fingerprint), KEY_FINGERPRINT_SIZE - 1);
	assert_int_equal(message.key_blob.len, 4 + 11 + 4 + 32);
	assert_true(bytes_equal_text(message.data, "to be signed"));
	assert_int_equal(message.flags, 4);
}

static void bytes_that_openssh_ignores_are_ignored(void **state) {
	const uint8_t types[] = {
		AGENT_SIGN_REQUEST, AGENT_REMOVE_IDENTITY, AGENT_REQUEST_IDENTITIES,
		AGENT_REMOVE_ALL,   AGENT_REMOVE_ALL_V1,   AGENT_LOCK,
		AGENT_UNLOCK,       AGENT_REMOVE_SMARTCARD};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		CLEANUP(buffer_deinit) struct buffer buffer = {0};
		struct message message;

		buffer_put_u8(&buffer, types[i]);
		if (types[i] == AGENT_SIGN_REQUEST || types[i] == AGENT_REMOVE_IDENTITY)
			put_ed25519(&buffer, 1);
		else
			put_text(&buffer, "provider or passphrase");
		put_text(&buffer, "data or PIN");
		buffer_put_u32(&buffer, 0);
		put_text(&buffer, "left over");
		assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	}
}

static void requests_without_a_body_are_told_by_their_type(void **state) {
	const uint8_t list = AGENT_REQUEST_IDENTITIES;
	const uint8_t all = AGENT_REMOVE_ALL;
	const uint8_t all_v1 = AGENT_REMOVE_ALL_V1;
	struct message message;

	(void)state;
	assert_int_equal(message_parse(&message, (struct bytes){&list, 1}), 0);
	assert_int_equal(message.operation, OPERATION_LIST);
	assert_int_equal(message_parse(&message, (struct bytes){&all, 1}), 0);
	assert_int_equal(message.operation, OPERATION_REMOVE_ALL);
	assert_int_equal(message_parse(&message, (struct bytes){&all_v1, 1}), 0);
	assert_int_equal(message.operation, OPERATION_REMOVE_ALL);
	assert_false(message.has_key);
}

static void an_unknown_message_passes_as_unknown(void **state) {
	const uint8_t strange[] = {200, 0xff, 0xff, 0xff, 0xff};
	struct message message;

	(void)state;
	assert_int_equal(message_parse(&message, BYTES(strange)), 0);
	assert_int_equal(message.operation, OPERATION_UNKNOWN);
	assert_int_equal(message.type, 200);
}

static void a_key_to_remove_is_named(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct message message;

	(void)state;
	buffer_put_u8(&buffer, AGENT_REMOVE_IDENTITY);
	put_ed25519(&buffer, 2);
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_REMOVE);
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_true(message.has_key);
	assert_string_equal(message.key.type, "ssh-ed25519");
}

static void lock_and_unlock_need_a_passphrase_that_ends_no_agent(void **state) {
	const uint8_t split[] = {AGENT_LOCK, 0, 0, 0, 3, 'a', 0, 'b'};
	const uint8_t ended[] = {AGENT_UNLOCK, 0, 0, 0, 2, 'a', 0};
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct message message;

	(void)state;
	buffer_put_u8(&buffer, AGENT_LOCK);
	put_text(&buffer, "passphrase");
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_LOCK);
	buffer.data[0] = AGENT_UNLOCK;
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_UNLOCK);
	assert_int_equal(message_parse(&message, BYTES(split)), -EBADMSG);
	assert_int_equal(message.operation, OPERATION_LOCK);
	assert_int_equal(message_parse(&message, BYTES(ended)), 0);
}

static void a_smartcard_has_a_provider_and_perhaps_constraints(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct message message;

	(void)state;
	buffer_put_u8(&buffer, AGENT_ADD_SMARTCARD);
	put_text(&buffer, "/usr/lib/opensc-pkcs11.so");
	put_text(&buffer, "1234");
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_ADD_SMARTCARD);
	buffer.data[0] = AGENT_REMOVE_SMARTCARD;
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_REMOVE_SMARTCARD);
	buffer.data[0] = AGENT_ADD_SMARTCARD_CONSTRAINED;
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_false(message.constrained);
	buffer_put_u8(&buffer, 2); /* confirm */
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_true(message.constrained);
	assert_true(bytes_equal_text(message.provider, "/usr/lib/opensc-pkcs11.so"));
	assert_false(message.has_key);
}

static void a_constraint_that_an_agent_may_not_know_is_seen(void **state) {
	static const struct {
		const char *bytes;
		size_t len;
		bool extended;
	} cases[] = {
		{"", 0, false},
		{"\1\0\0\0\7", 5, false},              /* lifetime */
		{"\2", 1, false},                      /* confirm */
		{"\3\0\0\0\7\2\1\0\0\0\7", 11, false}, /* a number of signatures, and both */
		{"\1\0\0\0", 4, true},                 /* cut short */
		{"\4", 1, true},                       /* nobody knows */
		{"\377\0\0\0\1x\2", 7, true},
		{"\2\377", 2, true},
		{"\377\0\0\0\27sk-provider@openssh.com\0\0\0\1p\2", 34, false},
		{"\377\0\0\0\27sk-provider@openssh.com\0\0\0\1p\377", 34, true},
		{"\377\0\0\0\45restrict-destination-v00@openssh.com\0\0\0\0", 46, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		/* OpenSSH's agent takes constraints behind either message. */
		for (size_t j = 0; j < 4; j++) {
			static const uint8_t types[] = {
				AGENT_ADD_IDENTITY, AGENT_ADD_IDENTITY_CONSTRAINED,
				AGENT_ADD_SMARTCARD, AGENT_ADD_SMARTCARD_CONSTRAINED};
			CLEANUP(buffer_deinit) struct buffer buffer = {0};
			struct message message;
			uint8_t key[64] = {0};

			buffer_put_u8(&buffer, types[j]);
			if (j < 2) {
				put_text(&buffer, "ssh-ed25519");
				buffer_put_string(&buffer, (struct bytes){key, 32});
				buffer_put_string(&buffer, (struct bytes){key, 64});
			} else {
				put_text(&buffer, "provider");
			}
			put_text(&buffer, "comment, or PIN");
			buffer_put_raw(&buffer, (struct bytes){(const uint8_t *)cases[i].bytes,
			                                       cases[i].len});
			assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
			assert_int_equal(message.extended, cases[i].extended);
		}
	}
}

static void an_unknown_private_key_passes_without_a_fingerprint(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct message message;

	(void)state;
	buffer_put_u8(&buffer, AGENT_ADD_IDENTITY_CONSTRAINED);
	put_text(&buffer, "ssh-new@example.org");
	buffer_put_raw(&buffer, bytes_of_text("whatever it is"));
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_int_equal(message.operation, OPERATION_ADD);
	assert_true(message.has_key);
	assert_string_equal(message.key.fingerprint, "");
	assert_string_equal(message.key.type, "ssh-new@example.org");
	assert_int_equal(message.comment.len, 0);
	assert_false(message.constrained);
	assert_true(message.extended); /* for all that we can tell */
	buffer.data[0] = AGENT_ADD_IDENTITY;
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_false(message.extended);
}

static void a_cut_private_key_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	uint8_t key[64] = {0};

	(void)state;
	buffer_put_u8(&buffer, AGENT_ADD_IDENTITY);
	put_text(&buffer, "ssh-ed25519");
	buffer_put_string(&buffer, (struct bytes){key, 32});
	buffer_put_string(&buffer, (struct bytes){key, 64});
	put_text(&buffer, "comment");
	assert_cut_is_refused(buffer_bytes(&buffer), OPERATION_ADD);
}

static void a_private_key_of_odd_form_is_left_to_the_agent(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	uint8_t key[64] = {0};
	struct message message;

	(void)state;
	buffer_put_u8(&buffer, AGENT_ADD_IDENTITY);
	put_text(&buffer, "ssh-ed25519");
	buffer_put_string(&buffer, (struct bytes){key, 31});
	buffer_put_string(&buffer, (struct bytes){key, 64});
	put_text(&buffer, "comment");
	assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
	assert_true(message.has_key);
	assert_string_equal(message.key.fingerprint, "");
	assert_true(bytes_equal_text(message.comment, "comment"));
}

static void a_session_bind_is_told_from_other_extensions(void **state) {
	static const struct {
		const char *name;
		size_t extra; /* the NUL behind it */
		enum message_kind kind;
	} cases[] = {
		{"session-bind@openssh.com", 0, MESSAGE_SESSION_BIND},
		{"session-bind@openssh.com", 1, MESSAGE_SESSION_BIND}, /* as OpenSSH's agent */
		{"session-bind@openssh.org", 0, MESSAGE_OPERATION},
		{"session-bind@openssh.co", 0, MESSAGE_OPERATION},
		{"query", 0, MESSAGE_QUERY},
		{"Query", 0, MESSAGE_OPERATION},
		{"", 0, MESSAGE_OPERATION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(buffer_deinit) struct buffer buffer = {0};
		struct bytes name = bytes_of_text(cases[i].name);
		struct message message;

		name.len += cases[i].extra;
		buffer_put_u8(&buffer, AGENT_EXTENSION);
		buffer_put_string(&buffer, name);
		buffer_put_raw(&buffer, bytes_of_text("body"));
		assert_int_equal(message_parse(&message, buffer_bytes(&buffer)), 0);
		assert_int_equal(message.kind, cases[i].kind);
		assert_int_equal(message.operation, OPERATION_EXTENSION);
		assert_true(bytes_equal_text(message.extension_name, cases[i].name));
		assert_true(bytes_equal_text(message.extension_body, "body"));
	}
}

static void an_extension_without_a_name_is_refused(void **state) {
	const uint8_t cut[] = {AGENT_EXTENSION, 0, 0, 0, 5, 'q'};
	const uint8_t split[] = {AGENT_EXTENSION, 0, 0, 0, 7, 'q', 'u', 'e', 'r', 'y', 0, 'x'};
	struct message message;

	(void)state;
	assert_int_equal(message_parse(&message, BYTES(cut)), -EBADMSG);
	assert_int_equal(message.operation, OPERATION_EXTENSION);
	assert_int_equal(message_parse(&message, BYTES(split)), -EBADMSG);
	assert_int_equal(message.kind, MESSAGE_OPERATION);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_length_counts_its_own_header),
		cmocka_unit_test(an_empty_or_too_large_message_ends_the_stream),
		cmocka_unit_test(a_sign_request_has_key_data_and_flags),
		cmocka_unit_test(bytes_that_openssh_ignores_are_ignored),
		cmocka_unit_test(requests_without_a_body_are_told_by_their_type),
		cmocka_unit_test(an_unknown_message_passes_as_unknown),
		cmocka_unit_test(a_key_to_remove_is_named),
		cmocka_unit_test(lock_and_unlock_need_a_passphrase_that_ends_no_agent),
		cmocka_unit_test(a_smartcard_has_a_provider_and_perhaps_constraints),
		cmocka_unit_test(a_constraint_that_an_agent_may_not_know_is_seen),
		cmocka_unit_test(an_unknown_private_key_passes_without_a_fingerprint),
		cmocka_unit_test(a_cut_private_key_is_refused),
		cmocka_unit_test(a_private_key_of_odd_form_is_left_to_the_agent),
		cmocka_unit_test(a_session_bind_is_told_from_other_extensions),
		cmocka_unit_test(an_extension_without_a_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
