#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/directory.h"
#include "log/expire.h"

#define DAY_US (86400LL * 1000000)
#define NOON   (1767268800LL * 1000000) /* 2026-01-01T12:00:00Z */

/* The events of a file are numbered by its day. */
static void make_long(const char *name, int len) {
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int day = atoi(name + 8);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "---\nseq: %d\nprev: \"%064d\"\ndetail: \"%0*d\"\n...\n", 100 + day,
	                    0, len, 0) > 0);
	close(fd);
}

static void make(const char *name) {
	make_long(name, 1);
}

/* Plans, and does it. Returns how many were to go. */
static size_t expire(uint64_t *ret_kept_from, int64_t real_us, unsigned days, uint64_t len,
                     int expected) {
	const struct keep keep = {days, len};
	struct expiry expiry;
	size_t count;

	assert_int_equal(expire_plan(&expiry, dir_fd, &keep, real_us), 0);
	count = expiry.count;
	*ret_kept_from = expiry.kept_from;
	assert_int_equal(expire_remove(&expiry, dir_fd), expected);
	expiry_deinit(&expiry);
	return count;
}

static bool is_there(const char *name) {
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void days_that_are_too_old_are_removed_and_no_others(void **state) {
	uint64_t kept_from;

	(void)state;
	make("2025-12-20.yaml");
	make("2025-12-21.yaml");
	make("2025-12-22.yaml");
	make("2025-12-31.yaml");
	make("2026-01-01.yaml");
	make("notes.txt");
	assert_int_equal(expire(&kept_from, NOON, 10, 0, 0), 2);
	assert_int_equal(kept_from, 122);
	assert_false(is_there("2025-12-20.yaml"));
	assert_false(is_there("2025-12-21.yaml"));
	assert_true(is_there("2025-12-22.yaml")); /* ten days before */
	assert_true(is_there("2026-01-01.yaml"));
	assert_true(is_there("notes.txt"));
}

static void without_a_limit_everything_is_kept(void **state) {
	uint64_t kept_from;

	(void)state;
	make("1999-01-01.yaml");
	assert_int_equal(expire(&kept_from, NOON, 0, 0, 0), 0);
	assert_true(is_there("1999-01-01.yaml"));
}

/* A flat battery, or a clock that somebody set: the first event of that day must not cost the log.
 */
static void a_clock_that_jumped_ahead_empties_no_log(void **state) {
	uint64_t kept_from;

	(void)state;
	make("2025-12-25.yaml");
	make("2025-12-31.yaml");
	make("2036-01-01.yaml");
	assert_int_equal(expire(&kept_from, NOON + 3652 * DAY_US, 10, 0, 0), 0);
	assert_true(is_there("2025-12-25.yaml"));
}

static void a_clock_that_was_set_back_removes_nothing(void **state) {
	uint64_t kept_from;

	(void)state;
	make("2025-12-31.yaml");
	make("2026-01-01.yaml");
	assert_int_equal(expire(&kept_from, NOON - 20000 * DAY_US, 1, 0, 0), 0);
}

static void what_cannot_be_removed_is_an_error_and_the_rest_goes(void **state) {
	uint64_t kept_from;

	(void)state;
	assert_int_equal(mkdirat(dir_fd, "2025-01-01.yaml", 0700), 0);
	make("2025-01-02.yaml");
	make("2025-12-31.yaml");
	assert_int_equal(expire(&kept_from, NOON, 10, 0, -EISDIR), 2);
	assert_int_equal(kept_from, 131);
	assert_false(is_there("2025-01-02.yaml"));
	assert_true(is_there("2025-12-31.yaml"));
}

static void what_is_too_much_goes_the_oldest_first_and_never_the_newest(void **state) {
	uint64_t kept_from;

	(void)state;
	make_long("2025-12-20.yaml", 2000);
	make_long("2025-12-21.yaml", 2000);
	make_long("2025-12-21p002.yaml", 2000);
	make_long("2025-12-22.yaml", 2000);
	assert_int_equal(expire(&kept_from, NOON, 0, 100000, 0), 0);
	assert_int_equal(expire(&kept_from, NOON, 0, 5000, 0), 2);
	assert_int_equal(kept_from, 121);
	assert_false(is_there("2025-12-21.yaml"));
	assert_true(is_there("2025-12-21p002.yaml"));
	assert_int_equal(expire(&kept_from, NOON, 0, 1, 0), 1);
	assert_int_equal(kept_from, 122);
	assert_true(is_there("2025-12-22.yaml"));
}

static void a_twin_that_a_crash_left_goes_with_its_file(void **state) {
	uint64_t kept_from;

	(void)state;
	make("2025-12-20.yaml");
	make("2025-12-20.yaml.zst");
	make("2025-12-31.yaml");
	assert_int_equal(expire(&kept_from, NOON, 10, 0, 0), 1);
	assert_false(is_there("2025-12-20.yaml"));
	assert_false(is_there("2025-12-20.yaml.zst"));
}

/* The event that tells of it could not say where the log begins. */
static void nothing_goes_where_the_rest_says_nothing_of_itself(void **state) {
	const struct keep keep = {.days = 10};
	struct expiry expiry;
	int fd;

	(void)state;
	make("2025-12-20.yaml");
	fd = openat(dir_fd, "2025-12-31.yaml", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(expire_plan(&expiry, dir_fd, &keep, NOON), -EBADMSG);
	assert_int_equal(expiry.count, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_too_much_goes_the_oldest_first_and_never_the_newest, enter, leave),
		cmocka_unit_test_setup_teardown(a_twin_that_a_crash_left_goes_with_its_file, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(nothing_goes_where_the_rest_says_nothing_of_itself,
	                                        enter, leave),
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
