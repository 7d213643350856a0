/* Names of day files come in the order of what is in them, and nothing else is one. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/days.h"
#include "log/directory.h"

static void make(const char *name) {
	CLEANUP(close_fd) int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
}

static int sign(int number) {
	return (number > 0) - (number < 0);
}

static void files_come_in_the_order_of_what_they_hold(void **state) {
	static const char *const names[] = {
		"2026-11-21.yaml.zst",     "2026-11-22.yaml",     "2026-11-22p002.yaml.zst",
		"2026-11-22p003.yaml",     "2026-11-22p010.yaml", "2026-11-22p999.yaml",
		"2026-11-23p002.yaml.zst",
	};
	CLEANUP(days_deinit) struct days days = {0};
	size_t count = sizeof(names) / sizeof(names[0]);

	(void)state;
	for (size_t i = count; i > 0; i--)
		make(names[i - 1]);
	assert_int_equal(days_list(&days, dir_fd), 0);
	assert_int_equal(days.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(days.names[i], names[i]);
		for (size_t j = 0; j < count; j++)
			assert_int_equal(sign(day_file_compare(names[i], names[j])),
			                 (i > j) - (i < j));
	}
}

static void what_is_called_otherwise_is_none(void **state) {
	static const char *const names[] = {
		"2026-11-22.yaml.old", "2026-11-22.yml",          "2026-11-22p001.yaml",
		"2026-11-22p000.yaml", "2026-11-22p02.yaml",      "2026-11-22p0002.yaml",
		"2026-11-22p-02.yaml", "2026-11-22.zst",          "2026-11-2.yaml",
		"x2026-11-22.yaml",    "2026-11-22.yaml.zst.zst", "2026-11-22-002.yaml",
	};
	CLEANUP(days_deinit) struct days days = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make(names[i]);
	assert_int_equal(days_list(&days, dir_fd), 0);
	assert_int_equal(days.count, 0);
}

/* What a crash leaves between the two steps of packing. */
static void of_twins_the_unpacked_one_counts(void **state) {
	CLEANUP(days_deinit) struct days days = {0};

	(void)state;
	make("2026-11-22.yaml.zst");
	make("2026-11-22.yaml");
	make("2026-11-22p002.yaml");
	make("2026-11-22p002.yaml.zst");
	assert_int_equal(days_list(&days, dir_fd), 0);
	assert_int_equal(days.count, 2);
	assert_string_equal(days.names[0], "2026-11-22.yaml");
	assert_string_equal(days.names[1], "2026-11-22p002.yaml");
}

static void a_name_says_day_and_part(void **state) {
	char name[DAY_FILE_SIZE], day[CLOCK_DAY_SIZE];

	(void)state;
	day_file_name(name, "2026-11-22", 1);
	assert_string_equal(name, "2026-11-22.yaml");
	day_file_name(name, "2026-11-22", 42);
	assert_string_equal(name, "2026-11-22p042.yaml");
	assert_int_equal(day_file_part(name), 42);
	day_file_day(day, name);
	assert_string_equal(day, "2026-11-22");
	day_file_name(name, "2026-11-22", DAY_PART_MAX + 1);
	assert_int_equal(day_file_part(name), DAY_PART_MAX);
	assert_false(day_file_is_packed(name));
	assert_true(day_file_is_packed("2026-11-22.yaml.zst"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_come_in_the_order_of_what_they_hold, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(what_is_called_otherwise_is_none, enter, leave),
		cmocka_unit_test_setup_teardown(of_twins_the_unpacked_one_counts, enter, leave),
		cmocka_unit_test(a_name_says_day_and_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
