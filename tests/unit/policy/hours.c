/* Times of the week: how they are written, when they hold, and which of them holds all of another.
 */
#include "unit.h"

#include <string.h>

#include "policy/hours.h"

static struct hours parsed(const char *text) {
	struct hours hours = {0};

	if (!hours_parse(&hours, text))
		print_message("# %s\n", text);
	assert_true(hours_parse(&hours, text));
	return hours;
}

static bool holds(const char *text, const char *moment_text) {
	struct hours hours = parsed(text);
	struct clock_moment moment = {0};

	assert_true(hours_parse_moment(&moment, moment_text));
	return hours_hold(&hours, &moment);
}

static void what_is_written_holds_then_and_not_else(void **state) {
	static const struct {
		const char *hours;
		const char *moment;
		bool holds;
	} rows[] = {
		{"mon-fri 09:00-17:30", "Mon 09:00", true},
		{"mon-fri 09:00-17:30", "Fri 17:29", true},
		{"mon-fri 09:00-17:30", "Fri 17:30", false},
		{"mon-fri 09:00-17:30", "Mon 08:59", false},
		{"mon-fri 09:00-17:30", "Sat 12:00", false},
		{"sat,sun", "Sun 23:59", true},
		{"sat,sun", "Mon 00:00", false},
		{"SAT-mon", "Mon 00:00", true},
		{"sat-mon", "Fri 23:59", false},
		{"mon-wed,fri", "Thu 12:00", false},
		{"mon-wed,fri", "Fri 12:00", true},
		{"wed", "Wed 00:00", true},
		{"00:00-24:00", "Thu 23:59", true},
		{"12:00-12:01", "Thu 12:00", true},
		{"12:00-12:01", "Thu 12:01", false},
		/* Over midnight it belongs to the day on which it begins. */
		{"fri 22:00-06:00", "Fri 22:00", true},
		{"fri 22:00-06:00", "Sat 05:59", true},
		{"fri 22:00-06:00", "Sat 06:00", false},
		{"fri 22:00-06:00", "Fri 05:00", false},
		{"fri 22:00-06:00", "Sat 22:00", false},
		{"sun 22:00-06:00", "Mon 01:00", true},
		{"22:00-00:00", "Mon 23:59", true},
		{"22:00-00:00", "Mon 00:00", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (holds(rows[i].hours, rows[i].moment) != rows[i].holds)
			print_message("# %s: %s\n", rows[i].hours, rows[i].moment);
		assert_int_equal(holds(rows[i].hours, rows[i].moment), rows[i].holds);
	}
}

static void what_is_no_time_is_refused(void **state) {
	static const char *const wrong[] = {
		"",
		"monday",
		"mon ",
		"mon-",
		"mon--fri",
		"xyz",
		"mon,",
		"9:00-17:00",
		"09:00",
		"09:00-",
		"09:00-9",
		"09:60-10:00",
		"25:00-26:00",
		"24:00-01:00",
		"09:00-24:01",
		"mon09:00-",
		"mon  09:00-10:00",
		" mon",
		"09:00-17:00 mon",
		"09:00-09:00",
		"mon 09:00-17:00 ",
		"0900-1700",
		"09:00 - 17:00",
	};
	struct hours hours = {.days = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (hours_parse(&hours, wrong[i]))
			print_message("# %s\n", wrong[i]);
		assert_false(hours_parse(&hours, wrong[i]));
	}
	assert_int_equal(hours.days, 7);
}

static void a_moment_is_a_day_and_a_minute(void **state) {
	static const char *const wrong[] = {"",         "Mon",        "09:30",    "Mon 24:00",
	                                    "Mon 9:30", "Mon 09:30 ", "Tag 09:30"};
	struct clock_moment moment = {0};
	char text[HOURS_MOMENT_SIZE];

	(void)state;
	assert_true(hours_parse_moment(&moment, "SUN 23:59"));
	assert_true(moment.known);
	assert_int_equal(moment.weekday, 6);
	assert_int_equal(moment.minute, 23 * 60 + 59);
	hours_moment_text(text, &moment);
	assert_string_equal(text, "sun 23:59");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(hours_parse_moment(&moment, wrong[i]));
	assert_int_equal(moment.weekday, 6);
}

static const char *const some[] = {
	"mon-fri 09:00-17:30", "mon 10:00-11:00", "sat,sun",         "22:00-06:00",
	"fri 23:00-05:00",     "00:00-24:00",     "mon-sun",         "mon-fri 00:00-24:00",
	"sun 22:00-00:00",     "tue 17:00-08:00", "tue 17:00-07:59", "sat-mon 01:00-02:00",
};
#define N_SOME (sizeof(some) / sizeof(some[0]))

/* Against every minute of a week. */
static void a_cover_never_errs_and_a_text_means_what_it_was_made_of(void **state) {
	size_t n_covers = 0;

	(void)state;
	for (size_t i = 0; i < N_SOME * N_SOME; i++) {
		struct hours a = parsed(some[i / N_SOME]), b = parsed(some[i % N_SOME]), again;
		char text[HOURS_TEXT_SIZE];

		hours_text(text, &a);
		again = parsed(text);
		n_covers += hours_cover(&a, &b);
		for (unsigned minute = 0; minute < 7 * 24 * 60; minute++) {
			struct clock_moment now = {true, (uint8_t)(minute / 1440),
			                           (uint16_t)(minute % 1440)};

			if (hours_cover(&a, &b) && hours_hold(&b, &now))
				assert_true(hours_hold(&a, &now));
			assert_int_equal(hours_hold(&again, &now), hours_hold(&a, &now));
		}
	}
	assert_true(n_covers > 2 * N_SOME);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_holds_then_and_not_else),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(a_moment_is_a_day_and_a_minute),
		cmocka_unit_test(a_cover_never_errs_and_a_text_means_what_it_was_made_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
