/* What counts as an answer in a FIFO. */
#include "unit.h"

#include <string.h>

#include "confirm/postbox.h"

static void an_answer_has_the_nonce_and_a_yes_a_pin(void **state) {
	const char *pin = "unset";

	(void)state;
	assert_true(postbox_parse(&pin, "allow 00ff correct horse", "00ff"));
	assert_string_equal(pin, "correct horse");
	assert_true(postbox_parse(&pin, "deny 00ff", "00ff"));
	assert_null(pin);
}

static void anything_else_is_none(void **state) {
	static const char *const lines[] = {
		"",
		"allow",
		"deny",
		"allow ",
		"deny ",
		"allow 00",
		"allow 00ff",
		"allow 00ff ",
		"allow 00ff 123",
		"deny 00ff ",
		"deny 00fe",
		"deny 00ffa",
		"ALLOW 00ff 1234",
		" allow 00ff 1234",
		"allow 00fe 1234",
		"allow 00ff1234",
		"allow 00ff 12\t34",
		"1234",
	};
	const char *pin = "unset";

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(postbox_parse(&pin, lines[i], "00ff"));
	assert_string_equal(pin, "unset");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_the_nonce_and_a_yes_a_pin),
		cmocka_unit_test(anything_else_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
