/* What keys are called: as they were listed or added last. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "agent/comments.h"
#include "base/buffer.h"
#include "wire/key.h"
#include "wire/message.h"

static void free_comments(struct comments **comments) {
	comments_free(*comments);
}

/* An ed25519 key blob that ends in that byte. */
static void put_key(struct buffer *buffer, uint8_t last) {
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	uint8_t point[32] = {0};

	point[31] = last;
	buffer_put_string(&blob, bytes_of_text("ssh-ed25519"));
	buffer_put_string(&blob, BYTES(point));
	buffer_put_string(buffer, buffer_bytes(&blob));
}

static void learned_is_found_until_something_else_is_learned(void **state) {
	CLEANUP(free_comments) struct comments *comments = NULL;

	(void)state;
	assert_int_equal(comments_new(&comments), 0);
	assert_null(comments_find(comments, "SHA256:a"));
	comments_learn(comments, "SHA256:a", bytes_of_text("work"));
	comments_learn(comments, "SHA256:b", bytes_of_text(""));
	assert_string_equal(comments_find(comments, "SHA256:a"), "work");
	assert_string_equal(comments_find(comments, "SHA256:b"), "");
	comments_learn(comments, "SHA256:a", bytes_of_text("home"));
	assert_string_equal(comments_find(comments, "SHA256:a"), "home");
	/* What cannot be told whole is not told. */
	comments_learn(comments, "SHA256:a", (struct bytes){(const uint8_t *)"w\0x", 3});
	assert_null(comments_find(comments, "SHA256:a"));
	comments_learn(comments, "", bytes_of_text("none"));
	assert_null(comments_find(comments, ""));
}

static void fingerprint_of(char ret[static KEY_FINGERPRINT_SIZE], uint8_t last) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct key_facts key;
	struct bytes blob;

	put_key(&buffer, last);
	blob = (struct bytes){buffer.data + 4, buffer.len - 4};
	assert_int_equal(key_facts_of_blob(&key, blob), 0);
	strcpy(ret, key.fingerprint);
}

static void a_list_teaches_all_its_keys_as_far_as_it_is_whole(void **state) {
	CLEANUP(free_comments) struct comments *comments = NULL;
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char first[KEY_FINGERPRINT_SIZE], second[KEY_FINGERPRINT_SIZE];

	(void)state;
	fingerprint_of(first, 1);
	fingerprint_of(second, 2);
	assert_int_equal(comments_new(&comments), 0);
	buffer_put_u8(&answer, AGENT_IDENTITIES_ANSWER);
	buffer_put_u32(&answer, 3);
	put_key(&answer, 1);
	buffer_put_string(&answer, bytes_of_text("one"));
	put_key(&answer, 2);
	buffer_put_u32(&answer, 400); /* and here it ends */
	comments_learn_list(comments, buffer_bytes(&answer));
	assert_string_equal(comments_find(comments, first), "one");
	assert_null(comments_find(comments, second));
	comments_learn_list(comments, (struct bytes){0});
	assert_string_equal(comments_find(comments, first), "one");
}

static void only_so_many_are_kept(void **state) {
	CLEANUP(free_comments) struct comments *comments = NULL;
	char fingerprint[32];

	(void)state;
	assert_int_equal(comments_new(&comments), 0);
	for (int i = 0; i < COMMENTS_MAX + 3; i++) {
		snprintf(fingerprint, sizeof(fingerprint), "SHA256:%d", i);
		comments_learn(comments, fingerprint, bytes_of_text(fingerprint));
	}
	assert_null(comments_find(comments, "SHA256:2"));
	assert_string_equal(comments_find(comments, "SHA256:3"), "SHA256:3");
	assert_string_equal(comments_find(comments, fingerprint), fingerprint);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learned_is_found_until_something_else_is_learned),
		cmocka_unit_test(a_list_teaches_all_its_keys_as_far_as_it_is_whole),
		cmocka_unit_test(only_so_many_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
