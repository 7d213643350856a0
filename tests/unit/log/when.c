#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/when.h"

#define SECOND_US 1000000LL
#define HOUR_US   (3600 * SECOND_US)
#define NOW_US    (1795413623LL * SECOND_US + 123456) /* 2026-11-23T06:00:23.123456Z */
#define TODAY_US  (1795392000LL * SECOND_US)          /* 2026-11-23T00:00:00Z */

static void set_zone(const char *zone) {
	setenv("TZ", zone, 1);
	tzset();
}

static int in_utc(void **state) {
	(void)state;
	set_zone("UTC0");
	return 0;
}

static void assert_when(const char *text, int64_t first_us, int64_t last_us) {
	struct when when = {0};

	if (when_parse(&when, text, NOW_US) != 0)
		fail_msg("%s: not understood", text);
	assert_int_equal(when.first_us, first_us);
	assert_int_equal(when.last_us, last_us);
}

static void a_date_is_a_whole_day(void **state) {
	(void)state;
	assert_when("2026-11-23", TODAY_US, TODAY_US + 24 * HOUR_US - 1);
	assert_when("today", TODAY_US, TODAY_US + 24 * HOUR_US - 1);
	assert_when("yesterday", TODAY_US - 24 * HOUR_US, TODAY_US - 1);
	assert_when("1970-01-01", 0, 24 * HOUR_US - 1);
	assert_when("1969-12-31", -24 * HOUR_US, -1);
}

static void a_time_is_as_long_as_it_is_exact(void **state) {
	int64_t half_past_nine = TODAY_US + 9 * HOUR_US + HOUR_US / 2;

	(void)state;
	assert_when("09:30", half_past_nine, half_past_nine + 60 * SECOND_US - 1);
	assert_when("09:30:15", half_past_nine + 15 * SECOND_US,
	            half_past_nine + 16 * SECOND_US - 1);
	assert_when("09:30:00.25", half_past_nine + 250000, half_past_nine + 250000);
	assert_when("09:30:00.1234567", half_past_nine + 123456, half_past_nine + 123456);
	assert_when("2026-11-23 09:30", half_past_nine, half_past_nine + 60 * SECOND_US - 1);
	assert_when("2026-11-23T09:30", half_past_nine, half_past_nine + 60 * SECOND_US - 1);
}

static void rfc_3339_brings_its_own_zone(void **state) {
	int64_t time_us = TODAY_US + 9 * HOUR_US;

	(void)state;
	set_zone("EST5");
	assert_when("2026-11-23T09:00:00.000000Z", time_us, time_us);
	assert_when("2026-11-23t09:00:00z", time_us, time_us + SECOND_US - 1);
	assert_when("2026-11-23T10:30:00+01:30", time_us, time_us + SECOND_US - 1);
	assert_when("2026-11-23T01:00:00-08:00", time_us, time_us + SECOND_US - 1);
}

static void without_a_zone_it_is_local_time(void **state) {
	(void)state;
	set_zone("EST5");
	assert_when("2026-11-23T09:00:00", TODAY_US + 14 * HOUR_US,
	            TODAY_US + 14 * HOUR_US + SECOND_US - 1);
	/* The 23rd begins five hours later there, and at 06:00 UTC it has begun. */
	assert_when("today", TODAY_US + 5 * HOUR_US, TODAY_US + 29 * HOUR_US - 1);
}

static void a_day_is_as_long_as_the_clocks_make_it(void **state) {
	struct when when;

	(void)state;
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(when_parse(&when, "2026-03-29", NOW_US), 0);
	assert_int_equal(when.last_us - when.first_us + 1, 23 * HOUR_US);
	assert_int_equal(when_parse(&when, "2026-10-25", NOW_US), 0);
	assert_int_equal(when.last_us - when.first_us + 1, 25 * HOUR_US);
}

static void so_long_ago_counts_back_from_now(void **state) {
	static const struct {
		const char *text;
		int64_t before_us;
	} cases[] = {
		{"now", 0},
		{"0s", 0},
		{"10m", 600 * SECOND_US},
		{"10 min", 600 * SECOND_US},
		{"10 minutes ago", 600 * SECOND_US},
		{"1 minute ago", 60 * SECOND_US},
		{"90s", 90 * SECOND_US},
		{"30 sec ago", 30 * SECOND_US},
		{"1 second", SECOND_US},
		{"2 hours ago", 2 * HOUR_US},
		{"2h ago", 2 * HOUR_US},
		{"1 hour", HOUR_US},
		{"3d", 72 * HOUR_US},
		{"3 days ago", 72 * HOUR_US},
		{"1 day ago", 24 * HOUR_US},
		{"2 weeks ago", 336 * HOUR_US},
		{"1w", 168 * HOUR_US},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_when(cases[i].text, NOW_US - cases[i].before_us,
		            NOW_US - cases[i].before_us);
}

static void what_is_no_time_is_refused(void **state) {
	static const char *const wrong[] = {
		"",
		" ",
		"soon",
		"Now",
		"tomorrow",
		"10",
		"10x",
		"m",
		"10m ",
		" 10m",
		"10  m",
		"10mago",
		"10m agoo",
		"-10m",
		"+10m",
		"1.5h",
		"10000001w",
		"99999999999999999999m",
		"2026",
		"2026-11",
		"2026-11-23 ",
		"2026-11-23T",
		"2026-1-23",
		"2026-13-01",
		"2026-00-01",
		"2026-11-00",
		"2026-11-31",
		"2026-02-29",
		"2100-02-29",
		"0000-01-01",
		"02026-11-23",
		"24:00",
		"9:30",
		"09:60",
		"09:30:61",
		"09:30:",
		"09:30:15.",
		"09:30Z",
		"2026-11-23T09:30:15+1",
		"2026-11-23T09:30:15+24:00",
		"2026-11-23T09:30:15+00:60",
		"2026-11-23T09:30:15Z ",
		"2026-11-23X09:30:15Z",
		"2026-11-23_09:30",
		"\xff",
	};
	struct when when = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (when_parse(&when, wrong[i], NOW_US) != -EINVAL)
			fail_msg("'%s' was taken for a time", wrong[i]);
		assert_int_equal(when.first_us, 7);
	}
}

static void leap_days_are_known(void **state) {
	struct when when;

	(void)state;
	assert_int_equal(when_parse(&when, "2024-02-29", NOW_US), 0);
	assert_int_equal(when_parse(&when, "2000-02-29", NOW_US), 0);
}

static void every_form_of_the_message_is_understood(void **state) {
	char forms[] = WHEN_FORMS_1 ", " WHEN_FORMS_2;
	struct when when;
	char *rest = forms;

	(void)state;
	for (char *form = strtok_r(forms, ",", &rest); form != NULL;
	     form = strtok_r(NULL, ",", &rest)) {
		form += *form == ' ';
		if (*form == '"') {
			form++;
			form[strlen(form) - 1] = '\0';
		}
		if (when_parse(&when, form, NOW_US) != 0)
			fail_msg("'%s' is offered, and not understood", form);
	}
}

static void a_stamp_of_the_log_is_read(void **state) {
	static const char *const wrong[] = {
		"",
		"2026-11-23",
		"2026-11-23T06:00:23",
		"2026-11-23T06:00Z",
		"2026-11-23 06:00:23Z",
		"2026-11-23T06:00:23.123456Z\n",
		"now",
	};
	int64_t real_us = 0;

	(void)state;
	set_zone("EST5");
	assert_int_equal(when_stamp(&real_us, bytes_of_text("2026-11-23T06:00:23.123456Z")), 0);
	assert_int_equal(real_us, NOW_US);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(when_stamp(&real_us, bytes_of_text(wrong[i])), -EINVAL);
	assert_int_equal(when_stamp(&real_us, (struct bytes){0}), -EINVAL);
	assert_int_equal(real_us, NOW_US);
}

static void a_time_is_shown_as_the_clock_on_the_wall_has_it(void **state) {
	char local[WHEN_LOCAL_SIZE];

	(void)state;
	set_zone("EST5");
	when_local(local, NOW_US);
	assert_string_equal(local, "2026-11-23 01:00:23");
	set_zone("UTC0");
	when_local(local, -1);
	assert_string_equal(local, "1969-12-31 23:59:59");
	when_local(local, INT64_MAX);
	assert_string_equal(local, "9999-12-31 23:59:59");
	when_local(local, INT64_MIN);
	assert_string_equal(local, "0001-01-01 00:00:00");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_date_is_a_whole_day, in_utc),
		cmocka_unit_test_setup(a_time_is_as_long_as_it_is_exact, in_utc),
		cmocka_unit_test_setup(rfc_3339_brings_its_own_zone, in_utc),
		cmocka_unit_test_setup(without_a_zone_it_is_local_time, in_utc),
		cmocka_unit_test_setup(a_day_is_as_long_as_the_clocks_make_it, in_utc),
		cmocka_unit_test_setup(so_long_ago_counts_back_from_now, in_utc),
		cmocka_unit_test_setup(what_is_no_time_is_refused, in_utc),
		cmocka_unit_test_setup(leap_days_are_known, in_utc),
		cmocka_unit_test_setup(every_form_of_the_message_is_understood, in_utc),
		cmocka_unit_test_setup(a_stamp_of_the_log_is_read, in_utc),
		cmocka_unit_test_setup(a_time_is_shown_as_the_clock_on_the_wall_has_it, in_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
