#include "unit.h"

#include <errno.h>
#include <string.h>

#include "log/event_yaml.h"
#include "log/hostile.h"
#include "log/json.h"

static void assert_json(const char *document, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer line = {0};

	if (event_json(&line, bytes_of_text(document)) != 0)
		fail_msg("refused: %s", document);
	buffer_put_u8(&line, '\0');
	assert_string_equal((const char *)line.data, expected);
}

static void values_keep_their_kind(void **state) {
	(void)state;
	assert_json("---\na: \"no\"\nb: 0\nc: 18446744073709551615\nd: true\ne: false\n...\n",
	            "{\"a\":\"no\",\"b\":0,\"c\":18446744073709551615,\"d\":true,\"e\":false}\n");
}

static void lists_and_mappings_become_their_like(void **state) {
	(void)state;
	assert_json(
		"---\na: [\"x\", 1, []]\nb: {c: 1, d: {}}\ne:\n- {f: 1}\n- [\"g\"]\nh: 1\n...\n",
		"{\"a\":[\"x\",1,[]],\"b\":{\"c\":1,\"d\":{}},\"e\":[{\"f\":1},[\"g\"]],\"h\":1}"
		"\n");
	assert_json("---\na: {\"NO\": \"1\", \"_a1\": \"\"}\n...\n",
	            "{\"a\":{\"NO\":\"1\",\"_a1\":\"\"}}\n");
	assert_json("---\n...\n", "{}\n");
}

static void escapes_become_those_of_json(void **state) {
	(void)state;
	assert_json("---\na: \"\\\"\\\\\\n\\t\\u001b\\U0001f600\\U0010ffffx\"\n...\n",
	            "{\"a\":\"\\\"\\\\\\n\\t\\u001b\\ud83d\\ude00\\udbff\\udfffx\"}\n");
	/* Bytes stay in the documented escape: a backslash, and xff. */
	assert_json("---\na: \"\\\\xff\"\n...\n", "{\"a\":\"\\\\xff\"}\n");
}

static void whatever_the_guard_writes_is_ascii_on_one_line(void **state) {
	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++) {
		CLEANUP(buffer_deinit) struct buffer document = {0};
		CLEANUP(buffer_deinit) struct buffer line = {0};
		const struct event event = {.trigger = "sign", .detail = hostile_values[i]};

		assert_int_equal(event_yaml(&document, &event), 0);
		assert_int_equal(event_json(&line, buffer_bytes(&document)), 0);
		for (size_t j = 0; j + 1 < line.len; j++)
			assert_true(line.data[j] >= 0x20 && line.data[j] < 0x7f);
		assert_int_equal(line.data[line.len - 1], '\n');
	}
}

static void another_form_is_refused_and_leaves_nothing(void **state) {
	static const char *const wrong[] = {
		"",
		"---\n",
		"...\n",
		"---\n...",
		"---\n...\nx",
		"---\na: 1\n",
		"---\na: 1...\n",
		"---\na:1\n...\n",
		"---\na:\n...\n",
		"---\na:\n-\n...\n",
		"---\na: \n...\n",
		"---\na:  1\n...\n",
		"---\na: 1 \n...\n",
		"---\n a: 1\n...\n",
		"---\nA: 1\n...\n",
		"---\n1a: 1\n...\n",
		"---\n\"a\": 1\n...\n",
		"---\na: {\"\": 1}\n...\n",
		"---\na: {\"b c\": 1}\n...\n",
		"---\na: {\"b\\n\": 1}\n...\n",
		"---\na: {\"b\n...\n",
		"---\n: 1\n...\n",
		"---\na: 1\na: 2\n...\n",
		"---\na: plain\n...\n",
		"---\na: 'single'\n...\n",
		"---\na: null\n...\n",
		"---\na: truex\n...\n",
		"---\na: -1\n...\n",
		"---\na: 01\n...\n",
		"---\na: 1.5\n...\n",
		"---\na: \"\n...\n",
		"---\na: \"\\\"\n...\n",
		"---\na: \"x\" y\n...\n",
		"---\na: \"\x1b\"\n...\n",
		"---\na: \"\xff\"\n...\n",
		"---\na: \"\xc3\xa9\"\n...\n",
		"---\na: \"\\q\"\n...\n",
		"---\na: \"\\xff\"\n...\n",
		"---\na: \"\\u12\"\n...\n",
		"---\na: \"\\u00AB\"\n...\n",
		"---\na: \"\\u0000\"\n...\n",
		"---\na: \"\\ud83d\\ude00\"\n...\n",
		"---\na: \"\\U00110000\"\n...\n",
		"---\na: \"\\U0000ffff\"\n...\n",
		"---\na: [\n...\n",
		"---\na: [1\n...\n",
		"---\na: [1,2]\n...\n",
		"---\na: [1, ]\n...\n",
		"---\na: {1}\n...\n",
		"---\na: {b: 1]\n...\n",
		"---\na: [[[[[[[[[[]]]]]]]]]]\n...\n",
		"---\na: *b\n...\n",
		"---\na: !x 1\n...\n",
		"---\n# a\n...\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CLEANUP(buffer_deinit) struct buffer line = {0};

		buffer_put_u8(&line, 'x');
		if (event_json(&line, bytes_of_text(wrong[i])) != -EBADMSG)
			fail_msg("taken: %s", wrong[i]);
		assert_int_equal(line.len, 1);
		assert_int_equal(buffer_error(&line), 0);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_keep_their_kind),
		cmocka_unit_test(lists_and_mappings_become_their_like),
		cmocka_unit_test(escapes_become_those_of_json),
		cmocka_unit_test(whatever_the_guard_writes_is_ascii_on_one_line),
		cmocka_unit_test(another_form_is_refused_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
