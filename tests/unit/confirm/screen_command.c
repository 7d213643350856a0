/* What a command of the user's says of his screen. */
#include "unit.h"

#include "confirm/screen_command.h"

static enum screen_told told(const char *output) {
	return screen_told_of(bytes_of_text(output));
}

static void it_is_one_word_of_three(void **state) {
	(void)state;
	assert_int_equal(told("unlocked\n"), SCREEN_TOLD_UNLOCKED);
	assert_int_equal(told("locked\n"), SCREEN_TOLD_LOCKED);
	assert_int_equal(told("remote\n"), SCREEN_TOLD_REMOTE);
	assert_int_equal(told("unlocked"), SCREEN_TOLD_UNLOCKED);
}

static void all_else_tells_nothing(void **state) {
	static const char *const outputs[] = {
		"",          "\n",           "unlocked\n\n", "unlocked\nlocked\n",
		" unlocked", "unlocked ",    "UNLOCKED",     "un",
		"unlockedx", "unlocked\r\n", "lock",         "yes",
		"0",         "\nunlocked",   "remotely",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
		assert_int_equal(told(outputs[i]), SCREEN_TOLD_NOTHING);
	assert_int_equal(screen_told_of((struct bytes){(const uint8_t *)"unlocked\0", 9}),
	                 SCREEN_TOLD_NOTHING);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_one_word_of_three),
		cmocka_unit_test(all_else_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
