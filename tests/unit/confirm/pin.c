/* The PIN's count of wrong tries, its file, and its hash. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "confirm/hashing.h"
#include "confirm/pin.h"

#define MINUTE_US (INT64_C(60) * 1000 * 1000)

static void the_fifth_wrong_one_locks_for_a_time_that_grows(void **state) {
	struct pin pin = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		pin_count(&pin, 1000);
		assert_false(pin_is_locked(&pin, 1000));
	}
	pin_count(&pin, 1000);
	assert_true(pin_is_locked(&pin, 1000));
	assert_true(pin_is_locked(&pin, 999 + MINUTE_US));
	assert_false(pin_is_locked(&pin, 1000 + MINUTE_US));
	pin_count(&pin, MINUTE_US);
	assert_true(pin_is_locked(&pin, MINUTE_US + 2 * MINUTE_US - 1));
	assert_false(pin_is_locked(&pin, MINUTE_US + 2 * MINUTE_US));
	for (int i = 0; i < 1000; i++)
		pin_count(&pin, 0);
	assert_int_equal(pin.locked_until_us, PIN_LOCK_MAX_US);
	pin_was_right(&pin);
	assert_false(pin_is_locked(&pin, 0));
	pin_count(&pin, 0);
	assert_int_equal(pin.failures, 1);
}

static void a_clock_that_was_set_back_does_not_lock_for_good(void **state) {
	const struct pin pin = {.failures = 5, .locked_until_us = INT64_C(1) << 55};

	(void)state;
	assert_false(pin_is_locked(&pin, 0));
}

static void what_is_written_is_read_again(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	const struct pin pin = {.hash = "$y$j9T$salt$hash", .failures = 3, .locked_until_us = 17};
	struct pin read = {0};

	(void)state;
	pin_put(&text, &pin);
	assert_int_equal(pin_parse(&read, buffer_bytes(&text)), 0);
	assert_string_equal(read.hash, pin.hash);
	assert_int_equal(read.failures, 3);
	assert_int_equal(read.locked_until_us, 17);
}

static void anything_else_is_no_pin(void **state) {
	static const char *const wrong[] = {
		"",
		"version 1\n",
		"version 2\nhash $y$a\nfailures 0\nlocked_until_us 0\n",
		"version 1\nhash $y$a\nfailures 0\nlocked_until_us 0",
		"version 1\nhash $y$a\nfailures 0\nlocked_until_us 0\nmore 1\n",
		"version 1\nhash $1$a\nfailures 0\nlocked_until_us 0\n",
		"version 1\nhash \nfailures 0\nlocked_until_us 0\n",
		"version 1\nhash $y$a\nfailures -1\nlocked_until_us 0\n",
		"version 1\nhash $y$a\nfailures x\nlocked_until_us 0\n",
		"version 1\nhash $y$a\nfailures 9999999\nlocked_until_us 0\n",
		"version 1\nhash $y$a\nfailures 1\nlocked_until_us 9999999999999999999\n",
	};
	struct pin pin = {.failures = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(pin_parse(&pin, bytes_of_text(wrong[i])), -EBADMSG);
	assert_int_equal(pin.failures, 7);
	assert_int_equal(pin_parse(&pin, (struct bytes){0}), -EBADMSG);
}

static void the_file_is_private(void **state) {
	char directory[] = "/tmp/sag-pin-XXXXXX";
	const struct pin pin = {.hash = "$y$a"};
	struct pin read = {0};
	struct stat status;
	CLEANUP(close_fd) int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pin_load(&read, fd), -ENOENT);
	assert_int_equal(pin_save(&pin, fd), 0);
	assert_int_equal(fstatat(fd, PIN_FILE, &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(pin_load(&read, fd), 0);
	assert_string_equal(read.hash, "$y$a");
	unlinkat(fd, PIN_FILE, 0);
	rmdir(directory);
}

static void the_same_pin_gives_the_same_hash_and_another_does_not(void **state) {
	char first[PIN_HASH_SIZE], again[PIN_HASH_SIZE], other[PIN_HASH_SIZE], anew[PIN_HASH_SIZE];

	(void)state;
	assert_int_equal(hash_pin(first, "1234", NULL), 0);
	assert_int_equal(strncmp(first, "$y$", 3), 0);
	assert_int_equal(hash_pin(again, "1234", first), 0);
	assert_true(hash_same(first, again));
	assert_int_equal(hash_pin(other, "1235", first), 0);
	assert_false(hash_same(first, other));
	assert_int_equal(hash_pin(anew, "1234", NULL), 0);
	assert_false(hash_same(first, anew));
	assert_int_equal(hash_pin(anew, "1234", "nonsense"), -EINVAL);
	assert_false(hash_same("", first));
}

struct result {
	int calls;
	char hash[PIN_HASH_SIZE];
};

static void on_hashed(void *data, const char *hash) {
	struct result *result = data;

	result->calls++;
	strcpy(result->hash, hash != NULL ? hash : "");
}

static void a_child_makes_the_hash_while_the_loop_runs(void **state) {
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	char first[PIN_HASH_SIZE];
	struct result result = {0};
	struct hashing *hashing = NULL;

	(void)state;
	assert_int_equal(hash_pin(first, "1234", NULL), 0);
	assert_int_equal(hashing_start(&hashing, loop, "1234", first, on_hashed, &result), 0);
	while (result.calls == 0)
		ev_run(loop, EVRUN_ONCE);
	assert_string_equal(result.hash, first);
	/* One that is cancelled says nothing. */
	result = (struct result){0};
	assert_int_equal(hashing_start(&hashing, loop, "1234", first, on_hashed, &result), 0);
	hashing_cancel(hashing);
	hashing_cancel(NULL);
	ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(result.calls, 0);
	assert_int_equal(hashing_start(&hashing, loop, "1234", "nonsense", on_hashed, &result), 0);
	while (result.calls == 0)
		ev_run(loop, EVRUN_ONCE);
	assert_string_equal(result.hash, "");
}

static void a_pin_has_a_length_and_no_control_characters(void **state) {
	char longest[PIN_LEN_MAX + 2];

	(void)state;
	assert_true(pin_is_fit("1234"));
	assert_true(pin_is_fit("w\xc3\xb6rter mit blank"));
	assert_false(pin_is_fit("123"));
	assert_false(pin_is_fit("12\t34"));
	assert_false(pin_is_fit("1234\n"));
	memset(longest, '7', sizeof(longest));
	longest[PIN_LEN_MAX] = '\0';
	assert_true(pin_is_fit(longest));
	longest[PIN_LEN_MAX] = '7';
	longest[PIN_LEN_MAX + 1] = '\0';
	assert_false(pin_is_fit(longest));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fifth_wrong_one_locks_for_a_time_that_grows),
		cmocka_unit_test(a_clock_that_was_set_back_does_not_lock_for_good),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(anything_else_is_no_pin),
		cmocka_unit_test(the_file_is_private),
		cmocka_unit_test(the_same_pin_gives_the_same_hash_and_another_does_not),
		cmocka_unit_test(a_child_makes_the_hash_while_the_loop_runs),
		cmocka_unit_test(a_pin_has_a_length_and_no_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
