/* A limit counts for each rule, executable and session, exactly, and with bounded memory. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "agent/limits.h"

#define SECOND UINT64_C(1000000000)

static const struct limit two_a_minute = {2, 60};

static struct caller caller_of(char *exe, char *cgroup) {
	return (struct caller){.state = CALLER_IDENTIFIED,
	                       .uid = 1000,
	                       .process = {.pid = 1, .exe = exe},
	                       .cgroup = cgroup};
}

static struct limits *new_limits(void) {
	struct limits *limits = NULL;

	assert_int_equal(limits_new(&limits), 0);
	return limits;
}

static void over_the_limit_is_over_until_the_oldest_has_passed(void **state) {
	struct limits *limits = new_limits();
	struct caller caller = caller_of((char[]){"/bin/a"}, (char[]){"/s"});

	(void)state;
	assert_true(limits_take(limits, two_a_minute, "r", &caller, 100 * SECOND));
	assert_true(limits_take(limits, two_a_minute, "r", &caller, 130 * SECOND));
	assert_false(limits_take(limits, two_a_minute, "r", &caller, 131 * SECOND));
	assert_false(limits_take(limits, two_a_minute, "r", &caller, 160 * SECOND - 1));
	assert_true(limits_take(limits, two_a_minute, "r", &caller, 160 * SECOND));
	assert_false(limits_take(limits, two_a_minute, "r", &caller, 189 * SECOND));
	assert_true(limits_take(limits, two_a_minute, "r", &caller, 190 * SECOND));
	limits_free(limits);
}

static void each_rule_executable_and_session_counts_for_itself(void **state) {
	struct limits *limits = new_limits();
	struct caller callers[] = {caller_of((char[]){"/bin/a"}, (char[]){"/s"}),
	                           caller_of((char[]){"/bin/b"}, (char[]){"/s"}),
	                           caller_of((char[]){"/bin/a"}, (char[]){"/t"}),
	                           caller_of(NULL, (char[]){"/s"}),
	                           caller_of((char[]){""}, (char[]){"/s"}),
	                           caller_of((char[]){"/bin/a"}, NULL)};
	static const char *const rules[] = {"r", "s"};

	(void)state;
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
		for (size_t rule = 0; rule < 2; rule++) {
			/* Another process is no other caller. */
			for (int times = 0; times < 2; times++, callers[i].process.pid++)
				assert_true(limits_take(limits, two_a_minute, rules[rule],
				                        &callers[i], SECOND));
			assert_false(limits_take(limits, two_a_minute, rules[rule], &callers[i],
			                         SECOND));
		}
	limits_free(limits);
}

static void whoever_takes_all_room_gets_no_more(void **state) {
	struct limits *limits = new_limits();
	char exe[32];
	struct caller caller = caller_of(exe, (char[]){"/s"});

	(void)state;
	for (int i = 0; i < LIMITS_MAX; i++) {
		snprintf(exe, sizeof(exe), "/tmp/copy-%d", i);
		assert_true(limits_take(limits, two_a_minute, "r", &caller, SECOND));
	}
	strcpy(exe, "/tmp/one-more");
	assert_false(limits_take(limits, two_a_minute, "r", &caller, SECOND));
	assert_true(limits_take(limits, two_a_minute, "r", &caller, 61 * SECOND));
	limits_free(limits);
}

static void what_is_no_limit_is_told(void **state) {
	static const char *const wrong[] = {"",
	                                    "10",
	                                    "/minute",
	                                    "10/",
	                                    "0/hour",
	                                    "1001/day",
	                                    "-1/minute",
	                                    "1/minutes",
	                                    "1 /hour",
	                                    "10/Minute",
	                                    "99999999999999999999/day"};
	struct limit limit = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(limit_parse(&limit, wrong[i]));
	assert_int_equal(limit.count, 7);
	assert_null(limit_parse(&limit, "10/minute"));
	assert_int_equal(limit.count, 10);
	assert_int_equal(limit.period_s, 60);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_the_limit_is_over_until_the_oldest_has_passed),
		cmocka_unit_test(each_rule_executable_and_session_counts_for_itself),
		cmocka_unit_test(whoever_takes_all_room_gets_no_more),
		cmocka_unit_test(what_is_no_limit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
