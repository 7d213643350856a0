#include "unit.h"

#include <poll.h>

#include "base/clock.h"

static void a_stamp_is_utc_with_microseconds(void **state) {
	char stamp[CLOCK_STAMP_SIZE];

	(void)state;
	clock_stamp(stamp, 1735689599LL * 1000000 + 42);
	assert_string_equal(stamp, "2024-12-31T23:59:59.000042Z");
	clock_stamp(stamp, 0);
	assert_string_equal(stamp, "1970-01-01T00:00:00.000000Z");
}

static void a_time_before_1970_has_positive_microseconds(void **state) {
	char stamp[CLOCK_STAMP_SIZE];

	(void)state;
	clock_stamp(stamp, -1);
	assert_string_equal(stamp, "1969-12-31T23:59:59.999999Z");
}

static void an_impossible_time_is_clamped(void **state) {
	char day[CLOCK_DAY_SIZE];

	(void)state;
	clock_day(day, INT64_MAX);
	assert_string_equal(day, "9999-12-31");
	clock_day(day, INT64_MIN);
	assert_string_equal(day, "0001-01-01");
}

static void the_monotonic_clock_never_goes_back(void **state) {
	uint64_t before = clock_mono_ns();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_mono_ns();

		assert_true(now >= before);
		before = now;
	}
}

static void the_clock_of_our_work_runs_while_we_work_and_stands_still_while_we_wait(void **state) {
	uint64_t began_ns = clock_work_ns();

	(void)state;
	while (clock_work_ns() - began_ns < 1000000)
		;
	began_ns = clock_work_ns();
	assert_int_equal(poll(NULL, 0, 20), 0);
	assert_in_range(clock_work_ns() - began_ns, 0, 10000000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stamp_is_utc_with_microseconds),
		cmocka_unit_test(a_time_before_1970_has_positive_microseconds),
		cmocka_unit_test(an_impossible_time_is_clamped),
		cmocka_unit_test(the_monotonic_clock_never_goes_back),
		cmocka_unit_test(
			the_clock_of_our_work_runs_while_we_work_and_stands_still_while_we_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
