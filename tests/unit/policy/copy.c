/* A copy of a policy is the same policy again, and what is none is refused. */
#include "unit.h"

#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "policy/copy.h"

static char directory[] = "/tmp/sag-copy-XXXXXX";

static void write_file(const char *name, const char *text) {
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fchmod(fileno(file), 0600);
	fclose(file);
}

static int make_directory(void **state) {
	(void)state;
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state) {
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static struct policy *load(struct buffer *copy) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;
	char path[128];
	int error;

	snprintf(path, sizeof(path), "%s/policy.yaml", directory);
	error = policy_load_copied(&policy, copy, path, &problems);
	print_problems(&problems);
	assert_int_equal(error, 0);
	return policy;
}

static void it_is_the_same_policy_whatever_became_of_the_files(void **state) {
	CLEANUP(buffer_deinit) struct buffer copy = {0};
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;
	CLEANUP(free_policy) struct policy *again = NULL;

	(void)state;
	write_file("policy.yaml", "include: [a.yaml]\ndefault_action: deny\nrules: []\n");
	write_file("a.yaml", "include: [b.yaml]\nrules: []\n");
	write_file("b.yaml", "rules:\n- {match: {exe: ~/x}, action: allow}\n");
	policy = load(&copy);
	write_file("b.yaml", "rules:\n- {match: {}, action: allow}\n");
	assert_int_equal(policy_copy_parse(&again, buffer_bytes(&copy), &problems), 0);
	assert_string_equal(policy_sha256(again), policy_sha256(policy));
	assert_string_equal(policy_path(again), policy_path(policy));
	assert_int_equal(policy_rule_count(again), 1);
}

static void another_home_is_another_copy(void **state) {
	CLEANUP(buffer_deinit) struct buffer here = {0}, there = {0}, nowhere = {0}, root = {0};

	(void)state;
	policy_copy_begin(&here, "/home/a");
	policy_copy_begin(&there, "/home/b");
	policy_copy_begin(&nowhere, NULL);
	policy_copy_begin(&root, "");
	assert_false(bytes_equal(buffer_bytes(&here), buffer_bytes(&there)));
	assert_false(bytes_equal(buffer_bytes(&nowhere), buffer_bytes(&root)));
}

static void what_is_cut_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer copy = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;

	(void)state;
	write_file("policy.yaml", "include: [a.yaml]\ndefault_action: deny\nrules: []\n");
	write_file("a.yaml", "rules: []\n");
	policy = load(&copy);
	for (size_t len = 0; len < copy.len; len++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		struct policy *again = NULL;
		int error = policy_copy_parse(&again, (struct bytes){copy.data, len}, &problems);

		/* Where a whole file is cut off, the policy misses it. */
		assert_true(error == -EBADMSG || error == -EINVAL);
		assert_null(again);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_same_policy_whatever_became_of_the_files),
		cmocka_unit_test(another_home_is_another_copy),
		cmocka_unit_test(what_is_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
