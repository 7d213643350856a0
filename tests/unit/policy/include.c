/* A policy out of several files. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/show.h"

static char directory[64];

static int enter(void **state) {
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/include-test.XXXXXX");
	return mkdtemp(directory) == NULL || chdir(directory) < 0 || mkdir("sub", 0700) < 0 ? -1
	                                                                                    : 0;
}

static int leave(void **state) {
	static const char *const names[] = {"policy.yaml", "a.yaml", "b.yaml", "sub/c.yaml",
	                                    "sub/d.yaml"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	rmdir("sub");
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static void put(const char *name, const char *text) {
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static struct policy *must_load(void) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;
	int error = policy_load(&policy, "policy.yaml", &problems);

	print_problems(&problems);
	assert_int_equal(error, 0);
	return policy;
}

/* Refused, with this among what is said: "file:line:column: text" or a part of it. */
static void assert_refused(const char *message) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct policy *policy = NULL;

	assert_int_equal(policy_load(&policy, "policy.yaml", &problems), -EINVAL);
	assert_null(policy);
	problems_text(&text, &problems, "\n");
	buffer_put_u8(&text, 0);
	if (strstr((const char *)text.data, message) == NULL)
		print_message("# %s\n", (const char *)text.data);
	assert_non_null(strstr((const char *)text.data, message));
}

static const char *decided_by(const struct policy *policy, char *exe) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	caller.process.exe = exe;
	return policy_decide(policy, &request).rule;
}

static void the_rules_of_an_included_file_come_first(void **state) {
	CLEANUP(free_policy) struct policy *policy = NULL;

	(void)state;
	put("policy.yaml", "default_action: deny\n"
	                   "rules:\n- {name: own, match: {exe: $tools}, action: allow}\n"
	                   "include: [a.yaml, sub/c.yaml]\n");
	put("a.yaml", "define: {tools: [/bin/x, /bin/y, /bin/z, /bin/w]}\n"
	              "rules:\n- {name: a, match: {exe: /bin/x}, action: confirm}\n");
	put("sub/c.yaml",
	    "include: d.yaml\nrules:\n- {name: c, match: {exe: /bin/y}, action: deny}\n");
	put("sub/d.yaml", "rules:\n- {match: {exe: [/bin/z]}, action: deny}\n");
	policy = must_load();
	assert_int_equal(policy_rule_count(policy), 4);
	assert_string_equal(decided_by(policy, (char[]){"/bin/x"}), "a");
	assert_string_equal(decided_by(policy, (char[]){"/bin/y"}), "c");
	assert_string_equal(decided_by(policy, (char[]){"/bin/z"}), "rule-2");
	assert_string_equal(decided_by(policy, (char[]){"/bin/w"}), "own");
}

static void the_hash_covers_all_files(void **state) {
	CLEANUP(free_policy) struct policy *before = NULL;
	CLEANUP(free_policy) struct policy *after = NULL;
	size_t n_included;

	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: ./a.yaml\n");
	put("a.yaml", "rules: []\n");
	before = must_load();
	/* sha256sum policy.yaml a.yaml | cut -c1-64 | sha256sum */
	assert_string_equal(policy_sha256(before),
	                    "ed6200f2f8fdf2f2abd67329bb5701be2fabc597971c9146045fd76a7cc67c25");
	assert_string_equal(policy_included(before, &n_included)[0], "a.yaml");
	assert_int_equal(n_included, 1);
	put("a.yaml", "rules: [] \n");
	after = must_load();
	assert_string_not_equal(policy_sha256(before), policy_sha256(after));
}

static void mistakes_of_all_files_are_told_each_in_its_place(void **state) {
	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\nrulse: []\n");
	put("a.yaml", "rules:\n- {match: {procss_name: x}, action: deny}\n");
	assert_refused("a.yaml:2:12: procss_name: unknown field; did you mean process_name?\n"
	               "policy.yaml:3:1: rulse: unknown field; did you mean rules?");
	put("a.yaml", "define: {x: ''}\n");
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\n"
	                   "rules:\n- {match: {exe: $x}, action: deny}\n");
	assert_refused("a.yaml:1:13: ");
	put("a.yaml", "rules: [\n");
	assert_refused("a.yaml:2:1: not valid YAML");
	put("policy.yaml", "default_action: deny\ninclude: [a.yaml, sub]\n");
	put("a.yaml", "lock: true\n");
	assert_refused("a.yaml:1:1: lock: stands in the policy itself alone");
	assert_refused("policy.yaml:2:19: include: sub: it is not a regular file");
	put("a.yaml", "lokc: true\n");
	assert_refused("a.yaml:1:1: lokc: unknown field; this version knows version, include, "
	               "define, coding_agents, capture_extra_env_vars and rules here");
}

static void names_and_definitions_are_of_all_files(void **state) {
	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\ndefine: {x: /a}\n"
	                   "rules:\n- {name: one, match: {exe: /x}, action: deny}\n");
	put("a.yaml", "rules:\n- {name: one, match: {exe: /y}, action: deny}\n");
	assert_refused("so, too; rename one");
	put("a.yaml", "define: {x: /b}\n");
	assert_refused("policy.yaml:3:10: define: x: defined already, in line 1 of a.yaml");
	put("a.yaml", "rules:\n- {name: hider, match: {exe: '/x*'}, action: allow}\n");
	assert_refused("policy.yaml:5:3: one: never decides: hider (line 2 of a.yaml)");
}

static void how_all_is_decided_stands_in_the_policy_itself(void **state) {
	static const char *const texts[] = {
		"default_action: allow",  "require_proof: false",      "lock: true",
		"log: {on_error: allow}", "confirm: {timeout: 1s}",    "hide_denied_keys: false",
		"upstream: managed",      "endpoints: {a: {path: /a}}"};

	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\n");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put("a.yaml", texts[i]);
		assert_refused("a.yaml:1:1: ");
	}
}

static void no_file_is_included_twice(void **state) {
	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: [a.yaml, .//a.yaml]\n");
	put("a.yaml", "rules: []\n");
	assert_refused("policy.yaml:2:19: include: a.yaml: included already");
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\n");
	put("a.yaml", "include: policy.yaml\n");
	assert_refused("a.yaml:1:10: include: policy.yaml: included already");
	/* By links every level has another name. */
	put("sub/c.yaml", "include: up/sub/c.yaml\n");
	put("policy.yaml", "default_action: deny\ninclude: sub/c.yaml\n");
	assert_int_equal(symlink("..", "sub/up"), 0);
	assert_refused("more than 8 levels");
	unlink("sub/up");
}

static void what_cannot_be_included_is_told(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: b.yaml\n");
	assert_refused("policy.yaml:2:10: include: b.yaml: not there");
	put("policy.yaml", "default_action: deny\ninclude: sub\n");
	assert_refused("policy.yaml:2:10: include: sub: it is not a regular file");
	put("policy.yaml", "default_action: deny\ninclude: []\n");
	assert_refused("policy.yaml:2:10: include: an empty list");
	put("policy.yaml", "default_action: deny\ninclude: [ ~, {a: b}, '' ]\n");
	assert_refused("policy.yaml:2:12: include: ");
	put("a.yaml", "rules: []\n");
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\n");
	assert_int_equal(chmod("a.yaml", 0622), 0);
	{
		CLEANUP(problems_deinit) struct problems problems = {0};
		struct policy *policy = NULL;

		assert_int_equal(policy_load(&policy, "policy.yaml", &problems), -EINVAL);
		assert_string_equal(problems.items[0].file, "policy.yaml");
		assert_int_equal(problems.items[0].line, 2);
		assert_non_null(
			strstr(problems.items[0].text, "include: a.yaml: others can write it"));
	}
	unlink("a.yaml");
	buffer_put_raw(&text, bytes_of_text("#"));
	while (text.len < POLICY_LEN_MAX - 20)
		buffer_put_u8(&text, 'x');
	buffer_put_u8(&text, 0);
	put("a.yaml", (const char *)text.data);
	assert_refused("bytes in all files together");
}

static void more_files_than_anybody_has_are_refused(void **state) {
	char text[4096] = "default_action: deny\ninclude: [";

	(void)state;
	put("a.yaml", "rules: []\n");
	/* All are there, by names of their own. */
	for (int i = 0; i <= INCLUDES_MAX; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%ssub/", i > 0 ? ", " : "");
		for (int j = 0; j < i; j++)
			strcat(text, "../sub/");
		strcat(text, "../a.yaml");
	}
	strcat(text, "]\n");
	put("policy.yaml", text);
	assert_refused("more than 16 files");
}

static void a_policy_that_is_shown_is_one_file(void **state) {
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;
	CLEANUP(free_policy) struct policy *again = NULL;

	(void)state;
	put("policy.yaml", "default_action: deny\ninclude: a.yaml\n");
	put("a.yaml", "\nrules:\n- {name: a, match: {exe: /x}, action: deny}\n");
	policy = must_load();
	policy_show(&yaml, policy);
	buffer_put_u8(&yaml, 0);
	assert_non_null(strstr((const char *)yaml.data, "# includes \"a.yaml\"\n"));
	assert_non_null(strstr((const char *)yaml.data, "  # \"a.yaml\", line 3\n  - name: \"a\""));
	again = must_parse((const char *)yaml.data);
	assert_int_equal(policy_rule_count(again), 1);
}

static void a_text_without_a_file_includes_nothing(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;

	(void)state;
	put("a.yaml", "rules: []\n");
	assert_int_equal(policy_parse(&policy,
	                              bytes_of_text("default_action: deny\ninclude: a.yaml\n"), "p",
	                              NULL, &problems),
	                 -EINVAL);
	assert_non_null(strstr(problems.items[0].text, "only a policy that is a file"));
}

static void a_floor_includes_files_of_its_own_directory_alone(void **state) {
	static const char *const bad[] = {"sub/c.yaml", "/etc/passwd", "~/a.yaml", "../a.yaml"};
	CLEANUP(disk_files_deinit) struct disk_files files = {0};
	const struct policy_source source = {.find = disk_files_find, .data = &files};
	const struct surroundings surroundings = {
		.home = "/home/a", .is_floor = true, .source = &source};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		struct policy *policy = NULL;
		char text[64];

		snprintf(text, sizeof(text), "include: %s\n", bad[i]);
		assert_int_equal(policy_parse(&policy, bytes_of_text(text), "floor.yaml",
		                              &surroundings, &problems),
		                 -EINVAL);
		assert_non_null(strstr(problems.items[0].text, "its own directory alone"));
	}
	assert_int_equal(files.count, 0); /* nothing was even looked at */
}

static void a_floor_includes_what_is_roots_alone(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(disk_files_deinit) struct disk_files files = {0};
	const struct policy_source source = {.find = disk_files_find, .data = &files};
	const struct surroundings surroundings = {.is_floor = true, .source = &source};
	struct policy *policy = NULL;

	(void)state;
	put("a.yaml", "rules: []\n");
	if (geteuid() == 0)
		assert_int_equal(chown("a.yaml", 12345, 12345), 0);
	assert_int_equal(policy_parse(&policy, bytes_of_text("include: a.yaml\n"), "floor.yaml",
	                              &surroundings, &problems),
	                 -EINVAL);
	assert_string_equal(problems.items[0].file, "floor.yaml");
	assert_int_equal(problems.items[0].line, 1);
	assert_non_null(strstr(problems.items[0].text, "include: a.yaml: "));
	assert_non_null(strstr(problems.items[0].text, "make it root's"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_rules_of_an_included_file_come_first, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(the_hash_covers_all_files, enter, leave),
		cmocka_unit_test_setup_teardown(mistakes_of_all_files_are_told_each_in_its_place,
	                                        enter, leave),
		cmocka_unit_test_setup_teardown(names_and_definitions_are_of_all_files, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(how_all_is_decided_stands_in_the_policy_itself,
	                                        enter, leave),
		cmocka_unit_test_setup_teardown(no_file_is_included_twice, enter, leave),
		cmocka_unit_test_setup_teardown(what_cannot_be_included_is_told, enter, leave),
		cmocka_unit_test_setup_teardown(more_files_than_anybody_has_are_refused, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(a_policy_that_is_shown_is_one_file, enter, leave),
		cmocka_unit_test_setup_teardown(a_text_without_a_file_includes_nothing, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(a_floor_includes_files_of_its_own_directory_alone,
	                                        enter, leave),
		cmocka_unit_test_setup_teardown(a_floor_includes_what_is_roots_alone, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
