#include "unit.h"

#include <errno.h>
#include <string.h>

#include "wire/identities.h"
#include "wire/message.h"

static bool keep_even(void *data, struct bytes key_blob) {
	size_t *asked = data;

	(*asked)++;
	return key_blob.len > 0 && key_blob.data[0] % 2 == 0;
}

static struct buffer list(const char *keys, const char *rest) {
	struct buffer answer = {0};

	buffer_put_u8(&answer, AGENT_IDENTITIES_ANSWER);
	buffer_put_u32(&answer, (uint32_t)strlen(keys));
	for (; *keys != '\0'; keys++) {
		buffer_put_string(&answer, (struct bytes){(const uint8_t *)keys, 1});
		buffer_put_string(&answer, bytes_of_text("comment"));
	}
	buffer_put_raw(&answer, bytes_of_text(rest));
	assert_int_equal(buffer_error(&answer), 0);
	return answer;
}

static void check(const char *keys, const char *kept, const char *rest) {
	CLEANUP(buffer_deinit) struct buffer answer = list(keys, rest);
	CLEANUP(buffer_deinit) struct buffer expected = list(kept, rest);
	CLEANUP(buffer_deinit) struct buffer found = {0};
	size_t asked = 0;

	assert_int_equal(identities_filter(&found, buffer_bytes(&answer), keep_even, &asked), 0);
	assert_int_equal(asked, strlen(keys));
	assert_true(bytes_equal(buffer_bytes(&found), buffer_bytes(&expected)));
}

static void what_is_not_kept_is_left_out_and_the_rest_stays_as_it_is(void **state) {
	(void)state;
	check("", "", "");
	check("0", "0", "");
	check("1", "", "");
	check("0123456", "0246", "");
	check("0123456", "0246", "bytes behind the end");
	check("11", "", "bytes behind the end");
}

static void a_list_that_is_cut_short_is_no_list(void **state) {
	CLEANUP(buffer_deinit) struct buffer answer = list("0123", "");
	static const uint8_t failure[] = {AGENT_FAILURE};
	static const uint8_t huge[] = {AGENT_IDENTITIES_ANSWER, 0xff, 0xff, 0xff, 0xff};
	size_t asked = 0;

	(void)state;
	for (size_t len = 0; len < answer.len; len++) {
		CLEANUP(buffer_deinit) struct buffer found = {0};

		assert_int_equal(identities_filter(&found, (struct bytes){answer.data, len},
		                                   keep_even, &asked),
		                 -EBADMSG);
	}
	{
		CLEANUP(buffer_deinit) struct buffer found = {0};

		assert_int_equal(identities_filter(&found, BYTES(failure), keep_even, &asked),
		                 -EBADMSG);
		assert_int_equal(identities_filter(&found, BYTES(huge), keep_even, &asked),
		                 -EBADMSG);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_kept_is_left_out_and_the_rest_stays_as_it_is),
		cmocka_unit_test(a_list_that_is_cut_short_is_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
