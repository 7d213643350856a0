/* What a touch proves, and everything that proves less. */
#include "unit.h"

#include <string.h>

#include "confirm/assertion.h"
#include "confirm/challenge.h"
#include "crypto.h"

struct made {
	uint8_t point[POINT_LEN], challenge[CHALLENGE_LEN];
	uint8_t auth_data[AUTH_DATA_LEN], signature[SIGNATURE_MAX];
	size_t auth_len, signature_len;
	EVP_PKEY *key;
};

static void sign(struct made *made) {
	made->signature_len = p256_sign(made->signature, made->key,
	                                (struct bytes){made->auth_data, made->auth_len},
	                                BYTES(made->challenge));
}

static void make(struct made *made, uint8_t flags, uint32_t counter) {
	*made = (struct made){.auth_len = AUTH_DATA_LEN};
	made->key = p256_new(made->point, NULL);
	memset(made->challenge, 7, sizeof(made->challenge));
	sha256(made->auth_data, bytes_of_text(TOUCH_PARTY));
	made->auth_data[32] = flags;
	for (int i = 0; i < 4; i++)
		made->auth_data[33 + i] = (uint8_t)(counter >> (24 - 8 * i));
	sign(made);
}

/* The counter was 10 before. */
static enum assertion_fault check(struct made *made, bool verified) {
	const struct assertion assertion = {{made->auth_data, made->auth_len},
	                                    {made->signature, made->signature_len}};
	const struct assertion_demand demand = {made->challenge, made->point, verified, 10};
	uint32_t counter = 10;
	enum assertion_fault fault = assertion_check(&counter, &assertion, &demand);

	if (fault != ASSERTION_GOOD)
		assert_int_equal(counter, 10);
	return fault;
}

static enum assertion_fault check_and_free(struct made *made, bool verified) {
	enum assertion_fault fault = check(made, verified);

	EVP_PKEY_free(made->key);
	return fault;
}

static void a_touch_of_the_enrolled_key_for_this_challenge_is_good(void **state) {
	struct made made;

	(void)state;
	make(&made, 1, 11);
	assert_int_equal(check_and_free(&made, false), ASSERTION_GOOD);
	make(&made, 5, UINT32_MAX);
	assert_int_equal(check_and_free(&made, true), ASSERTION_GOOD);
}

static void no_bit_of_it_can_be_changed(void **state) {
	struct made made;

	(void)state;
	make(&made, 1, 11);
	for (size_t i = 0; i < 8 * AUTH_DATA_LEN; i++) {
		made.auth_data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(check(&made, false), ASSERTION_GOOD);
		made.auth_data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * CHALLENGE_LEN; i++) {
		made.challenge[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(check(&made, false), ASSERTION_BAD_SIGNATURE);
		made.challenge[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(check_and_free(&made, false), ASSERTION_GOOD);
}

static void what_the_key_itself_says_is_looked_at(void **state) {
	struct made made;

	(void)state;
	make(&made, 0, 11);
	assert_int_equal(check_and_free(&made, false), ASSERTION_NOT_TOUCHED);
	make(&made, 4, 11); /* a PIN alone is no person at the key */
	assert_int_equal(check_and_free(&made, true), ASSERTION_NOT_TOUCHED);
	make(&made, 1, 11);
	assert_int_equal(check_and_free(&made, true), ASSERTION_NOT_VERIFIED);
	make(&made, 0x41, 11);
	assert_int_equal(check_and_free(&made, false), ASSERTION_MALFORMED);
	make(&made, 0x81, 11);
	assert_int_equal(check_and_free(&made, false), ASSERTION_MALFORMED);
	make(&made, 1, 11);
	sha256(made.auth_data, bytes_of_text("another party"));
	sign(&made);
	assert_int_equal(check_and_free(&made, false), ASSERTION_OTHER_PARTY);
}

static void the_counter_must_rise_unless_there_is_none(void **state) {
	struct assertion_demand demand;
	struct assertion assertion;
	uint32_t counter = 1;
	struct made made;

	(void)state;
	make(&made, 1, 10);
	assert_int_equal(check_and_free(&made, false), ASSERTION_COUNTER_BACK);
	make(&made, 1, 9);
	assert_int_equal(check_and_free(&made, false), ASSERTION_COUNTER_BACK);
	make(&made, 1, 0);
	assert_int_equal(check(&made, false), ASSERTION_COUNTER_BACK);
	assertion = (struct assertion){BYTES(made.auth_data), {made.signature, made.signature_len}};
	demand = (struct assertion_demand){made.challenge, made.point, false, 0};
	assert_int_equal(assertion_check(&counter, &assertion, &demand), ASSERTION_GOOD);
	assert_int_equal(counter, 0);
	EVP_PKEY_free(made.key);
}

static void another_length_is_no_assertion(void **state) {
	struct made made;

	(void)state;
	make(&made, 1, 11);
	made.auth_len--;
	assert_int_equal(check(&made, false), ASSERTION_MALFORMED);
	made.auth_len = 0;
	assert_int_equal(check(&made, false), ASSERTION_MALFORMED);
	made.auth_len = AUTH_DATA_LEN;
	made.signature_len = 0;
	assert_int_equal(check(&made, false), ASSERTION_MALFORMED);
	made.signature_len = 8;
	assert_int_equal(check(&made, false), ASSERTION_BAD_SIGNATURE);
	EVP_PKEY_free(made.key);
}

static void what_is_no_point_of_the_curve_is_no_key(void **state) {
	uint8_t point[POINT_LEN] = {0};
	struct made made;

	(void)state;
	assert_false(point_is_valid(point));
	make(&made, 1, 11);
	assert_true(point_is_valid(made.point));
	made.point[40] ^= 1;
	assert_false(point_is_valid(made.point));
	assert_int_equal(check_and_free(&made, false), ASSERTION_BAD_SIGNATURE);
}

/* As anybody makes it again, by hand:
 * printf 'ssh-agent-guard approval 1\nnonce 00\nrequest aa\nrequest bb\n' | sha256sum */
static void a_challenge_is_the_hash_of_its_lines(void **state) {
	const char requests[][DIGEST_HEX] = {"aa", "bb"}, other[][DIGEST_HEX] = {"bb", "aa"};
	uint8_t one[CHALLENGE_LEN], two[CHALLENGE_LEN];
	char hex[DIGEST_HEX], again[DIGEST_HEX];
	static const char lines[] =
		"ssh-agent-guard approval 1\nnonce 00\nrequest aa\nrequest bb\n";
	static const char change[] = "ssh-agent-guard change 1\nnonce 00\nold aa\nnew bb\n";

	(void)state;
	assert_int_equal(challenge_of_approval(one, "00", requests, 2), 0);
	hex_put(hex, BYTES(one));
	assert_int_equal(digest_hex(again, bytes_of_text(lines)), 0);
	assert_string_equal(hex, again);
	assert_int_equal(challenge_of_approval(two, "00", other, 2), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_int_equal(challenge_of_approval(two, "00", requests, 1), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_int_equal(challenge_of_change(two, "00", "aa", "bb"), 0);
	hex_put(hex, BYTES(two));
	assert_int_equal(digest_hex(again, bytes_of_text(change)), 0);
	assert_string_equal(hex, again);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_touch_of_the_enrolled_key_for_this_challenge_is_good),
		cmocka_unit_test(no_bit_of_it_can_be_changed),
		cmocka_unit_test(what_the_key_itself_says_is_looked_at),
		cmocka_unit_test(the_counter_must_rise_unless_there_is_none),
		cmocka_unit_test(another_length_is_no_assertion),
		cmocka_unit_test(what_is_no_point_of_the_curve_is_no_key),
		cmocka_unit_test(a_challenge_is_the_hash_of_its_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
