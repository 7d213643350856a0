/* The accepted policy as a file: what the guard wrote is read again, and nothing else is. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lock_file.h"
#include "policy/copy.h"

#define TEXT "default_action: deny\nlock: true\nrules: []\n"

static void put_text_copy(struct buffer *copy, const char *text) {
	policy_copy_begin(copy, "/home/a");
	buffer_put_string(copy, bytes_of_text("/p.yaml"));
	buffer_put_string(copy, bytes_of_text(text));
	assert_int_equal(buffer_error(copy), 0);
}

/* The file of a policy of that text. */
static void put_file(struct buffer *file, const char *text) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer copy = {0};
	struct policy *policy = NULL;

	put_text_copy(&copy, text);
	assert_int_equal(policy_copy_parse(&policy, buffer_bytes(&copy), &problems), 0);
	assert_int_equal(lock_file_put(file, policy, buffer_bytes(&copy)), 0);
	policy_unref(policy);
}

static int parse(struct policy **ret, struct bytes *ret_copy, struct bytes file) {
	CLEANUP(problems_deinit) struct problems problems = {0};

	return lock_file_parse(ret, ret_copy, file, &problems);
}

static void assert_refused(struct bytes file) {
	struct policy *policy = NULL;
	struct bytes copy = {0};

	assert_int_equal(parse(&policy, &copy, file), -EBADMSG);
	assert_null(policy);
	assert_null(copy.data);
}

static void what_was_written_is_the_same_policy(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0}, expected = {0};
	struct policy *policy = NULL;
	struct bytes copy;

	(void)state;
	put_file(&file, TEXT);
	put_text_copy(&expected, TEXT);
	assert_int_equal(parse(&policy, &copy, buffer_bytes(&file)), 0);
	assert_true(policy_locks(policy));
	assert_true(bytes_equal(copy, buffer_bytes(&expected)));
	policy_unref(policy);
}

static void where_there_was_no_policy_file_it_is_the_default(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	struct policy *policy = NULL, *again = NULL;
	struct bytes copy;

	(void)state;
	assert_int_equal(policy_new_default(&policy), 0);
	assert_int_equal(lock_file_put(&file, policy, (struct bytes){0}), 0);
	assert_int_equal(parse(&again, &copy, buffer_bytes(&file)), 0);
	assert_int_equal(copy.len, 0);
	assert_string_equal(policy_sha256(again), policy_sha256(policy));
	policy_unref(policy);
	policy_unref(again);
}

static void a_file_that_was_cut_or_added_to_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0};

	(void)state;
	put_file(&file, TEXT);
	for (size_t len = 0; len < file.len; len++)
		assert_refused((struct bytes){file.data, len});
	buffer_put_u8(&file, 0);
	assert_int_equal(buffer_error(&file), 0);
	assert_refused(buffer_bytes(&file));
}

static void a_policy_that_is_not_the_one_of_its_digest_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	char *action;

	(void)state;
	put_file(&file, TEXT "# a comment that may say allow as well\n");
	action = memmem(file.data, file.len, "comment", strlen("comment"));
	assert_non_null(action);
	action[0] = 'k';
	assert_refused(buffer_bytes(&file));
}

static void nothing_but_a_private_file_is_read(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer file = {0}, content = {0};
	char directory[] = "/tmp/guard-unit-XXXXXX";
	struct policy *policy = NULL;
	struct bytes copy;
	int state_fd, fd;

	(void)state;
	put_file(&file, TEXT);
	assert_non_null(mkdtemp(directory));
	state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(state_fd >= 0);
	assert_int_equal(lock_file_read(&policy, &copy, &content, state_fd, &problems), -ENOENT);
	fd = openat(state_fd, LOCK_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, file.data, file.len), file.len);
	assert_int_equal(lock_file_read(&policy, &copy, &content, state_fd, &problems), 0);
	assert_true(policy_locks(policy));
	policy_unref(TAKE(policy));
	assert_int_equal(fchmod(fd, 0620), 0);
	buffer_clear(&content);
	assert_int_equal(lock_file_read(&policy, &copy, &content, state_fd, &problems), -EPERM);
	assert_null(policy);
	assert_int_equal(lock_file_report(&problems, -EPERM), -EPERM);
	assert_int_equal(problems.count, 1);
	assert_int_equal(unlinkat(state_fd, LOCK_FILE, 0), 0);
	close(fd);
	close(state_fd);
	assert_int_equal(rmdir(directory), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_the_same_policy),
		cmocka_unit_test(where_there_was_no_policy_file_it_is_the_default),
		cmocka_unit_test(a_file_that_was_cut_or_added_to_is_refused),
		cmocka_unit_test(a_policy_that_is_not_the_one_of_its_digest_is_refused),
		cmocka_unit_test(nothing_but_a_private_file_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
