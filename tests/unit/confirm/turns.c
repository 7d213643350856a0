/* Who may say yes, and when: by tables, and by every order of things that can happen. */
#include "unit.h"

#include <string.h>

#include "confirm/turns.h"

static struct turns begin(const char *const *names, size_t n, bool is_any) {
	static const struct turns_lacks none = {0};
	struct confirm_order order = {.is_any = is_any};
	unsigned methods = 0;
	struct turns turns;

	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < CONFIRM_METHOD_COUNT; bit++)
			if (strcmp(names[i], confirm_method_name((enum confirm_method)(1U << bit))) ==
			    0) {
				order.methods[i] = (uint8_t)(1U << bit);
				methods |= 1U << bit;
			}
	turns_begin(&turns, methods, &order, &none);
	return turns;
}

#define BEGIN(...)                                                                       \
	begin((const char *const[]){__VA_ARGS__},                                        \
	      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), false)

static void assert_text(const struct turns *turns, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	turns_put_text(&text, turns);
	buffer_put_u8(&text, 0);
	assert_int_equal(buffer_error(&text), 0);
	assert_string_equal((const char *)text.data, expected);
}

static void only_the_first_one_may_answer(void **state) {
	struct turns turns = BEGIN("touch", "otp", "pin");

	(void)state;
	assert_int_equal(turns_asks(&turns), CONFIRM_TOUCH);
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH);
	assert_true(turns_may_answer(&turns, CONFIRM_TOUCH));
	assert_false(turns_may_answer(&turns, CONFIRM_PIN));
	assert_false(turns_may_answer(&turns, CONFIRM_ASKPASS));
	assert_text(&turns, "touch");
}

static void what_is_of_no_use_is_followed_by_the_next_one(void **state) {
	struct turns turns = BEGIN("touch", "otp", "pin");

	(void)state;
	assert_true(turns_lack(&turns, CONFIRM_TOUCH, LACK_NO_KEY));
	assert_int_equal(turns_asks(&turns), CONFIRM_OTP);
	assert_false(turns_lack(&turns, CONFIRM_TOUCH, LACK_KEY_REMOVED));
	assert_true(turns_lack(&turns, CONFIRM_OTP, LACK_KEY_UNUSABLE));
	assert_int_equal(turns_asks(&turns), CONFIRM_PIN);
	assert_text(&turns, "pin (weak); not touch: the key was pulled out; not otp: a key is "
	                    "plugged in, and cannot be used");
	/* Those before it may be of use again; what is spent is not. */
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH | CONFIRM_OTP | CONFIRM_PIN);
	assert_false(turns_spend(&turns, CONFIRM_OTP, LACK_FAILED));
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH | CONFIRM_PIN);
	assert_false(turns_lack(&turns, CONFIRM_OTP, LACK_NONE));
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH | CONFIRM_PIN);
}

static void a_key_that_is_back_may_answer_beside_the_one_that_asks(void **state) {
	struct confirm_passed passed[CONFIRM_METHOD_COUNT];
	struct turns turns = BEGIN("touch", "pin");

	(void)state;
	turns_lack(&turns, CONFIRM_TOUCH, LACK_NO_KEY);
	assert_false(turns_lack(&turns, CONFIRM_TOUCH, LACK_NONE));
	assert_int_equal(turns_asks(&turns), CONFIRM_PIN);
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH | CONFIRM_PIN);
	assert_text(&turns, "pin (weak); or again touch");
	/* That it was passed over is told all the same, where the other one answers. */
	assert_int_equal(turns_passed(passed, &turns, CONFIRM_PIN), 1);
	assert_int_equal(passed[0].method, CONFIRM_TOUCH);
	assert_string_equal(passed[0].why, "no-key");
	assert_int_equal(turns_passed(passed, &turns, CONFIRM_TOUCH), 0);
	assert_int_equal(turns_passed(passed, &turns, (enum confirm_method)0), 1);
	/* And where the other one is of no use, it is back for good. */
	assert_true(turns_spend(&turns, CONFIRM_PIN, LACK_PIN_LOCKED));
	assert_int_equal(turns_asks(&turns), CONFIRM_TOUCH);
}

static void the_last_one_waits_whatever_it_lacks(void **state) {
	struct turns alone = BEGIN("touch"), last = BEGIN("pin", "touch");

	(void)state;
	assert_false(turns_lack(&alone, CONFIRM_TOUCH, LACK_NO_KEY));
	assert_int_equal(turns_asks(&alone), CONFIRM_TOUCH);
	assert_true(turns_may_answer(&alone, CONFIRM_TOUCH));
	assert_true(turns_spend(&last, CONFIRM_PIN, LACK_PIN_LOCKED));
	assert_false(turns_lack(&last, CONFIRM_TOUCH, LACK_NO_KEY));
	assert_int_equal(turns_asks(&last), CONFIRM_TOUCH);
	assert_true(turns_spend(&last, CONFIRM_TOUCH, LACK_FAILED));
	assert_int_equal(turns_asks(&last), 0);
	assert_int_equal(turns_answering(&last), 0);
	assert_text(&last, "none is left; not pin: the PIN was wrong too often; not touch: it has "
	                   "failed");
}

static void what_is_known_from_the_beginning_is_passed_over(void **state) {
	const struct confirm_order order = {.methods = {CONFIRM_TOUCH, CONFIRM_PIN}};
	struct turns_lacks lacks = {{0}};
	struct confirm_passed passed[CONFIRM_METHOD_COUNT];
	struct turns turns;

	(void)state;
	lacks.of[2] = LACK_NOT_ENROLLED; /* touch */
	turns_begin(&turns, CONFIRM_TOUCH | CONFIRM_PIN, &order, &lacks);
	assert_int_equal(turns_asks(&turns), CONFIRM_PIN);
	assert_int_equal(turns_answering(&turns), CONFIRM_PIN);
	assert_int_equal(turns_passed(passed, &turns, CONFIRM_PIN), 1);
	assert_string_equal(passed[0].why, "not-enrolled");
	turns_begin(&turns, CONFIRM_TOUCH, &order, &lacks);
	assert_int_equal(turns_asks(&turns), 0);
	assert_int_equal(turns_answering(&turns), 0);
	turns_begin(&turns, 0, &order, &lacks);
	assert_int_equal(turns_asks(&turns), 0);
}

static void what_is_said_out_of_turn_is_no_news(void **state) {
	struct turns turns = BEGIN("touch", "pin");

	(void)state;
	assert_false(turns_lack(&turns, CONFIRM_PIN, LACK_FAILED));
	assert_false(turns_lack(&turns, CONFIRM_OTP, LACK_NO_KEY));
	assert_false(turns_spend(&turns, CONFIRM_OTP, LACK_FAILED));
	assert_true(turns_lack(&turns, CONFIRM_TOUCH, LACK_NO_KEY));
	assert_int_equal(turns_asks(&turns), CONFIRM_PIN);
	/* But one that is locked meanwhile will not have its turn. */
	turns = BEGIN("touch", "pin");
	assert_false(turns_spend(&turns, CONFIRM_PIN, LACK_PIN_LOCKED));
	assert_false(turns_lack(&turns, CONFIRM_TOUCH, LACK_NO_KEY));
	assert_int_equal(turns_asks(&turns), CONFIRM_TOUCH);
}

static void without_an_order_each_may_answer(void **state) {
	static const char *const names[] = {"touch", "pin"};
	struct confirm_passed passed[CONFIRM_METHOD_COUNT];
	struct turns turns = begin(names, 2, true);

	(void)state;
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH | CONFIRM_PIN);
	turns_lack(&turns, CONFIRM_TOUCH, LACK_NO_KEY);
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH | CONFIRM_PIN);
	assert_int_equal(turns_passed(passed, &turns, CONFIRM_PIN), 0);
	turns_spend(&turns, CONFIRM_PIN, LACK_PIN_LOCKED);
	assert_int_equal(turns_answering(&turns), CONFIRM_TOUCH);
	turns_spend(&turns, CONFIRM_TOUCH, LACK_FAILED);
	assert_int_equal(turns_asks(&turns), 0);
}

/* Whatever happens, in whatever order: no method behind one that was always of use has a say. */
static void nobody_gets_past_one_that_is_of_use(void **state) {
	static const char *const names[] = {"touch", "otp", "otp-pin", "pin"};
	enum { N = 4, KINDS = 3, STEPS = 5 };

	(void)state;
	for (size_t run = 0; run < 248832; run++) { /* (N * KINDS) to the power of STEPS */
		struct turns turns = begin(names, N, false);
		unsigned failed = 0;
		size_t rest = run;

		for (int step = 0; step < STEPS; step++) {
			enum confirm_method method = turns.list[rest % N].method;
			unsigned before;

			switch (rest / N % KINDS) {
			case 0: turns_lack(&turns, method, LACK_NONE); break;
			case 1: turns_lack(&turns, method, LACK_NO_KEY); break;
			case 2: turns_spend(&turns, method, LACK_FAILED); break;
			}
			if (rest / N % KINDS != 0)
				failed |= (unsigned)method;
			rest /= N * KINDS;
			before = 0;
			for (size_t i = 0; i < N; i++) {
				if (turns_may_answer(&turns, turns.list[i].method))
					assert_int_equal(before & ~failed, 0);
				before |= (unsigned)turns.list[i].method;
			}
			/* And somebody asks, who may answer, for as long as any is left. */
			if (turns_asks(&turns) != 0)
				assert_true(turns_may_answer(&turns, turns_asks(&turns)));
			else
				for (size_t i = 0; i < N; i++)
					assert_true(turns.list[i].is_spent);
		}
	}
}

static void each_lack_has_its_own_words(void **state) {
	(void)state;
	for (int a = 0; a < TURN_LACK_COUNT; a++)
		for (int b = 0; b < a; b++) {
			assert_string_not_equal(turn_lack_name((enum turn_lack)a),
			                        turn_lack_name((enum turn_lack)b));
			assert_string_not_equal(turn_lack_text((enum turn_lack)a),
			                        turn_lack_text((enum turn_lack)b));
		}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_first_one_may_answer),
		cmocka_unit_test(what_is_of_no_use_is_followed_by_the_next_one),
		cmocka_unit_test(a_key_that_is_back_may_answer_beside_the_one_that_asks),
		cmocka_unit_test(the_last_one_waits_whatever_it_lacks),
		cmocka_unit_test(what_is_known_from_the_beginning_is_passed_over),
		cmocka_unit_test(what_is_said_out_of_turn_is_no_news),
		cmocka_unit_test(without_an_order_each_may_answer),
		cmocka_unit_test(nobody_gets_past_one_that_is_of_use),
		cmocka_unit_test(each_lack_has_its_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
