/* Policies as files: whose they are, how large, and what stands in their place. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char directory[64];

static int enter(void **state) {
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/policy-test.XXXXXX");
	return mkdtemp(directory) == NULL || chdir(directory) < 0 ? -1 : 0;
}

static int leave(void **state) {
	(void)state;
	unlink("policy.yaml");
	unlink("target.yaml");
	rmdir("home");
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static void put(const char *name, const char *text) {
	assert_int_equal(file_replace(AT_FDCWD, name, bytes_of_text(text)), 0);
}

/* Fails with that error and one problem that has this in it. */
static void assert_refused(int error, const char *message) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;

	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), error);
	assert_null(policy);
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0].file, "policy.yaml");
	if (strstr(problems.items[0].text, message) == NULL)
		print_problems(&problems);
	assert_non_null(strstr(problems.items[0].text, message));
}

static void a_file_of_ours_is_loaded_with_the_hash_of_its_text(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;

	(void)state;
	put("policy.yaml", "default_action: deny\n");
	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), 0);
	assert_int_equal(problems.count, 0);
	/* printf 'default_action: deny\n' | sha256sum */
	assert_string_equal(policy_sha256(policy),
	                    "a64b50bb8d69056cd07cc3efe9ac477bde965134dd45b6406d79c8189a01e03b");
	assert_string_equal(policy_path(policy), "policy.yaml");
}

static void an_empty_file_is_refused(void **state) {
	(void)state;
	put("policy.yaml", "");
	assert_refused(-EINVAL, "the file is empty");
}

static void a_file_that_is_not_there_is_no_problem(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), -ENOENT);
	assert_null(policy);
	assert_int_equal(problems.count, 0);
}

static void a_file_that_others_can_write_is_refused(void **state) {
	static const mode_t modes[] = {0620, 0602, 0666};

	(void)state;
	put("policy.yaml", "default_action: allow\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod("policy.yaml", modes[i]), 0);
		assert_refused(-EPERM, "others can write it");
	}
}

static void a_file_that_others_can_read_is_fine(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;

	(void)state;
	put("policy.yaml", "default_action: allow\n");
	assert_int_equal(chmod("policy.yaml", 0444), 0);
	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), 0);
}

/* Needs root, who alone can give a file away. */
static void a_file_of_somebody_else_is_refused(void **state) {
	(void)state;
	if (geteuid() != 0)
		skip();
	put("policy.yaml", "default_action: allow\n");
	assert_int_equal(chown("policy.yaml", 12345, (gid_t)-1), 0);
	assert_refused(-EPERM, "it belongs to user 12345");
}

static void a_link_is_judged_by_what_it_leads_to(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;

	(void)state;
	put("target.yaml", "default_action: allow\n");
	assert_int_equal(symlink("target.yaml", "policy.yaml"), 0);
	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), 0);
	assert_int_equal(chmod("target.yaml", 0666), 0);
	assert_refused(-EPERM, "others can write it");
}

static void what_is_no_regular_file_is_refused_and_stalls_nobody(void **state) {
	(void)state;
	assert_int_equal(mkfifo("policy.yaml", 0600), 0);
	assert_refused(-EINVAL, "not a regular file");
	assert_int_equal(unlink("policy.yaml"), 0);
	assert_int_equal(symlink("/dev/zero", "policy.yaml"), 0);
	assert_refused(-EINVAL, "not a regular file");
	assert_int_equal(unlink("policy.yaml"), 0);
	assert_int_equal(symlink(".", "policy.yaml"), 0);
	assert_refused(-EINVAL, "not a regular file");
	assert_int_equal(unlink("policy.yaml"), 0);
	assert_int_equal(symlink("policy.yaml", "policy.yaml"), 0);
	assert_refused(-ELOOP, "cannot be read");
}

static void a_file_of_ten_megabytes_is_refused(void **state) {
	(void)state;
	put("policy.yaml", "default_action: allow\n");
	assert_int_equal(truncate("policy.yaml", 10 * 1024 * 1024), 0);
	assert_refused(-EFBIG, "more than 1048576 bytes");
}

static void what_is_wrong_inside_is_told_with_its_place(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;

	(void)state;
	put("policy.yaml", "default_action: deny\nruels: []\n");
	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), -EINVAL);
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.items[0].line, 2);
	assert_string_equal(problems.items[0].text, "ruels: unknown field; did you mean rules?");
}

static void home_is_the_directory_behind_its_links(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char link[96], exe[128];

	(void)state;
	put("policy.yaml", "default_action: deny\n"
	                   "rules: [{match: {exe: ~/bin/x}, action: allow}]\n");
	assert_int_equal(mkdir("home", 0700), 0);
	assert_int_equal(symlink("home", "target.yaml"), 0);
	snprintf(link, sizeof(link), "%s/target.yaml", directory);
	assert_int_equal(setenv("HOME", link, 1), 0);
	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), 0);
	snprintf(exe, sizeof(exe), "%s/home/bin/x", directory);
	caller.process.exe = exe;
	assert_int_equal(policy_decide(policy, &request).action, ACTION_ALLOW);
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	assert_refused(-EINVAL, "HOME");
	assert_int_equal(unsetenv("HOME"), 0);
	assert_refused(-EINVAL, "HOME");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_ours_is_loaded_with_the_hash_of_its_text),
		TEST(an_empty_file_is_refused),
		TEST(a_file_that_is_not_there_is_no_problem),
		TEST(a_file_that_others_can_write_is_refused),
		TEST(a_file_that_others_can_read_is_fine),
		TEST(a_file_of_somebody_else_is_refused),
		TEST(a_link_is_judged_by_what_it_leads_to),
		TEST(what_is_no_regular_file_is_refused_and_stalls_nobody),
		TEST(a_file_of_ten_megabytes_is_refused),
		TEST(what_is_wrong_inside_is_told_with_its_place),
		TEST(home_is_the_directory_behind_its_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
