#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/expire.h"

#define DAY_US (86400LL * 1000000)
#define NOON   (1767268800LL * 1000000) /* 2026-01-01T12:00:00Z */

static char directory[64];
static int dir_fd = -1;

static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY);
	return dir_fd < 0 ? -1 : 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	close(dir_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

static void make(const char *name) {
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *name) {
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void days_that_are_too_old_are_removed_and_no_others(void **state) {
	struct expired expired;

	(void)state;
	make("2025-12-20.yaml");
	make("2025-12-21.yaml");
	make("2025-12-22.yaml");
	make("2025-12-31.yaml");
	make("2026-01-01.yaml");
	make("notes.txt");
	assert_int_equal(expire_days(&expired, dir_fd, NOON, 10), 0);
	assert_int_equal(expired.count, 2);
	assert_string_equal(expired.first, "2025-12-20.yaml");
	assert_string_equal(expired.last, "2025-12-21.yaml");
	assert_false(is_there("2025-12-20.yaml"));
	assert_false(is_there("2025-12-21.yaml"));
	assert_true(is_there("2025-12-22.yaml")); /* ten days before */
	assert_true(is_there("2026-01-01.yaml"));
	assert_true(is_there("notes.txt"));
}

static void without_a_limit_everything_is_kept(void **state) {
	struct expired expired;

	(void)state;
	make("1999-01-01.yaml");
	assert_int_equal(expire_days(&expired, dir_fd, NOON, 0), 0);
	assert_int_equal(expired.count, 0);
	assert_true(is_there("1999-01-01.yaml"));
}

/* A flat battery, or a clock that somebody set: the first event of that day must not cost the log.
 */
static void a_clock_that_jumped_ahead_empties_no_log(void **state) {
	struct expired expired;

	(void)state;
	make("2025-12-25.yaml");
	make("2025-12-31.yaml");
	make("2036-01-01.yaml");
	assert_int_equal(expire_days(&expired, dir_fd, NOON + 3652 * DAY_US, 10), 0);
	assert_int_equal(expired.count, 0);
	assert_true(is_there("2025-12-25.yaml"));
}

static void a_clock_that_was_set_back_removes_nothing(void **state) {
	struct expired expired;

	(void)state;
	make("2025-12-31.yaml");
	make("2026-01-01.yaml");
	assert_int_equal(expire_days(&expired, dir_fd, NOON - 20000 * DAY_US, 1), 0);
	assert_int_equal(expired.count, 0);
}

static void what_cannot_be_removed_is_an_error_and_the_rest_goes(void **state) {
	struct expired expired;

	(void)state;
	assert_int_equal(mkdirat(dir_fd, "2025-01-01.yaml", 0700), 0);
	make("2025-01-02.yaml");
	make("2025-12-31.yaml");
	assert_int_equal(expire_days(&expired, dir_fd, NOON, 10), -EISDIR);
	assert_int_equal(expired.count, 1);
	assert_false(is_there("2025-01-02.yaml"));
	assert_true(is_there("2025-12-31.yaml"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(days_that_are_too_old_are_removed_and_no_others,
	                                        enter, leave),
		cmocka_unit_test_setup_teardown(without_a_limit_everything_is_kept, enter, leave),
		cmocka_unit_test_setup_teardown(a_clock_that_jumped_ahead_empties_no_log, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(a_clock_that_was_set_back_removes_nothing, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_removed_is_an_error_and_the_rest_goes, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
