/* Requests as a file describes them: what is stated, what is ordinary, what is not known. */
#include "../policy/fixture.h"

#include <unistd.h>

#include "describe/request.h"

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

/* What was wrong is in *problems. */
static void read_into(struct described *described, struct problems *problems, const char *text,
		      const char *home) {
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	struct reading reading = {.file = "t", .problems = problems, .context = {.home = home}};

	assert_int_equal(yaml_tree_parse(&root, bytes_of_text(text), "t", problems), 0);
	assert_int_equal(described_read(described, &reading, root), 0);
}

static struct described described(const char *text) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct described made = {0};

	read_into(&made, &problems, text, "/home/a");
	print_problems(&problems);
	assert_int_equal(problems.count, 0);
	return made;
}

static void what_is_not_stated_is_known_and_ordinary(void **state) {
	CLEANUP(described_deinit) struct described made = described("{}");
	const struct caller *caller = made.request.caller;

	(void)state;
	assert_int_equal(made.request.operation, OPERATION_SIGN);
	assert_string_equal(made.request.endpoint, "default");
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_null(caller->reason);
	assert_int_equal(caller->uid, geteuid());
	assert_string_equal(caller->process.exe, "");
	assert_string_equal(caller->process.name, "");
	assert_string_equal(caller->process.title, "");
	assert_non_null(caller->process.argv);
	assert_int_equal(caller->process.argc, 0);
	assert_int_equal(caller->has_terminal, TRI_NO);
	assert_string_equal(caller->cwd, "");
	assert_string_equal(caller->cgroup, "");
	assert_true(caller->ancestors_known);
	assert_int_equal(caller->n_ancestors, 0);
	assert_true(rule_fits("deny", "key: '*'", &made.request));
	assert_false(rule_fits("deny", "key: SHA256:4", &made.request));
	assert_false(rule_fits("deny", "key_type: ssh-*", &made.request));
	assert_false(rule_fits("deny", "exe: /usr/**", &made.request));
}

static void what_is_stated_is_so(void **state) {
	CLEANUP(described_deinit)
	struct described made = described("operation: add\n"
					  "process_name: name\nexe: /usr/bin/ssh\ntitle: t\n"
					  "command: ' ssh  -p\t22 host '\ncwd: ~/src\n"
					  "cgroup: /a.slice\nhas_terminal: yes\n"
					  "key: " FINGERPRINT "\nkey_type: ssh-rsa\n"
					  "endpoint: build\n");
	const struct caller *caller = made.request.caller;

	(void)state;
	assert_int_equal(made.request.operation, OPERATION_ADD);
	assert_string_equal(made.request.endpoint, "build");
	assert_string_equal(made.request.key.fingerprint, FINGERPRINT);
	assert_string_equal(made.request.key.type, "ssh-rsa");
	assert_string_equal(caller->process.exe, "/usr/bin/ssh");
	assert_string_equal(caller->process.name, "name");
	assert_string_equal(caller->process.title, "t");
	assert_int_equal(caller->process.argc, 4);
	assert_string_equal(caller->process.argv[0], "ssh");
	assert_string_equal(caller->process.argv[3], "host");
	assert_null(caller->process.argv[4]);
	assert_string_equal(caller->cwd, "/home/a/src");
	assert_string_equal(caller->cgroup, "/a.slice");
	assert_int_equal(caller->has_terminal, TRI_YES);
}

static void what_a_live_request_derives_is_derived(void **state) {
	CLEANUP(described_deinit)
	struct described made = described("exe: /opt/a-name-of-more-letters\n"
					  "command: [x, 'a b', '']\n");
	const struct process *process = &made.request.caller->process;

	(void)state;
	assert_string_equal(process->name, "a-name-of-more-letters");
	assert_string_equal(process->title, "a-name-of-more-"); /* as the kernel cuts it */
	assert_int_equal(process->argc, 3);
	assert_string_equal(process->argv[1], "a b");
	assert_string_equal(process->argv[2], "");
	assert_true(rule_fits("deny", "process_name: x", &made.request)); /* a claim */
	assert_false(rule_fits("allow", "process_name: x", &made.request));
}

static void ancestors_are_processes_nearest_first(void **state) {
	CLEANUP(described_deinit)
	struct described made = described("ancestors:\n"
					  "- {name: git, command: git push}\n"
					  "- {exe: /usr/bin/node, command: node /opt/coder.js}\n"
					  "- {unknown: exe}\n");
	const struct caller *caller = made.request.caller;

	(void)state;
	assert_int_equal(caller->n_ancestors, 3);
	assert_true(caller->ancestors_known);
	assert_string_equal(caller->ancestors[0].name, "git");
	assert_string_equal(caller->ancestors[0].exe, "");
	assert_int_equal(caller->ancestors[0].argc, 2);
	assert_string_equal(caller->ancestors[1].name, "node");
	assert_null(caller->ancestors[2].exe);
	assert_null(caller->ancestors[2].name);
	assert_true(rule_fits("allow", "ancestor: git", &made.request));
	assert_false(rule_fits("allow", "ancestor: coder.js", &made.request));
	assert_true(rule_fits("deny", "ancestor: coder.js", &made.request));
	assert_true(rule_fits("deny", "ancestor: /usr/bin/tmux", &made.request)); /* the third? */
}

static void unknown_facts_are_as_if_they_could_not_be_learned(void **state) {
	CLEANUP(described_deinit)
	struct described made = described("unknown: [exe, command, title, has_terminal, cwd, "
					  "cgroup, ancestors, key, key_type]\n");
	const struct caller *caller = made.request.caller;

	(void)state;
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_null(caller->process.exe);
	assert_null(caller->process.name); /* it is derived from exe */
	assert_null(caller->process.title);
	assert_null(caller->process.argv);
	assert_null(caller->cwd);
	assert_null(caller->cgroup);
	assert_int_equal(caller->has_terminal, TRI_UNKNOWN);
	assert_false(caller->ancestors_known);
	assert_string_equal(made.request.key.fingerprint, "");
	assert_string_equal(made.request.key.type, "");
	assert_true(rule_fits("deny", "key: SHA256:4", &made.request));
	assert_false(rule_fits("allow", "exe: '**'", &made.request));
}

static void a_caller_can_be_unknown_as_a_whole(void **state) {
	CLEANUP(described_deinit)
	struct described made = described("exe: /usr/bin/ssh\nunknown: caller\n");

	(void)state;
	assert_int_equal(made.request.caller->state, CALLER_UNKNOWN);
	assert_non_null(made.request.caller->reason);
	assert_false(rule_fits("allow", "exe: /usr/bin/ssh", &made.request));
	assert_true(rule_fits("deny", "exe: /usr/bin/other", &made.request));
}

static void ancestors_may_be_known_in_part(void **state) {
	CLEANUP(described_deinit)
	struct described made = described("ancestors: [{name: git}]\nunknown: [ancestors]\n");

	(void)state;
	assert_int_equal(made.request.caller->n_ancestors, 1);
	assert_false(made.request.caller->ancestors_known);
	assert_true(rule_fits("allow", "ancestor: git", &made.request));
	assert_true(rule_fits("deny", "ancestor: tmux", &made.request));
}

static void a_request_without_a_key_has_none(void **state) {
	CLEANUP(described_deinit) struct described made = described("operation: lock");

	(void)state;
	assert_string_equal(made.request.key.fingerprint, "");
	assert_string_equal(made.request.key.type, "");
}

static void what_is_wrong_is_named_with_its_place(void **state) {
	static const struct {
		const char *text, *message;
		size_t line, column;
	} rows[] = {
		{"procss_name: ssh", "procss_name: unknown field; did you mean process_name?", 1,
		 1},
		{"exe: /x\nenv: {A: b}", "env: unknown field", 2, 1},
		{"ancestors: [{nam: git}]", "nam: unknown field; did you mean name?", 1, 14},
		{"ancestors: git", "ancestors: not a list", 1, 12},
		{"ancestors: [git]", "an ancestor: one value", 1, 13},
		{"[exe]", "request: a list", 1, 1},
		{"exe: 7", "exe: 7: a number in YAML", 1, 6},
		{"exe: ", "exe: empty", 1, 5},
		{"exe: [/x]", "exe: a list", 1, 6},
		{"command: {a: b}", "command: a map", 1, 10},
		{"command: [a, 7]", "command: 7: a number in YAML", 1, 14},
		{"has_terminal: perhaps", "has_terminal: unknown value", 1, 15},
		{"operation: sing", "operation: sing: unknown value; did you mean sign?", 1, 12},
		{"key: MD5:aa", "key: MD5:aa: not a fingerprint", 1, 6},
		{"key: " FINGERPRINT "x", "not a fingerprint", 1, 6},
		{"key_type: " FINGERPRINT FINGERPRINT, "no name of an algorithm", 1, 11},
		{"exe: /x\nunknown: [exe]", "unknown: exe: is stated, too", 2, 11},
		{"unknown: [endpoint]", "unknown: endpoint: unknown value", 1, 11},
		{"unknown: [exee]", "did you mean exe?", 1, 11},
		{"caller: me", "caller: is described by the other fields", 1, 9},
		{"exe: /x\nexe: /y", "exe: stands twice", 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		CLEANUP(described_deinit) struct described made = {0};

		read_into(&made, &problems, rows[i].text, "/home/a");
		if (problems.count != 1 ||
		    strstr(problems.items[0].text, rows[i].message) == NULL) {
			print_message("# in: %s\n", rows[i].text);
			print_problems(&problems);
		}
		assert_int_equal(problems.count, 1);
		assert_non_null(strstr(problems.items[0].text, rows[i].message));
		assert_int_equal(problems.items[0].line, rows[i].line);
		assert_int_equal(problems.items[0].column, rows[i].column);
	}
}

static void without_a_home_a_path_below_it_is_wrong(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(described_deinit) struct described made = {0};

	(void)state;
	read_into(&made, &problems, "exe: ~/bin/x", NULL);
	assert_int_equal(problems.count, 1);
	assert_non_null(strstr(problems.items[0].text, "HOME"));
}

static void there_are_as_many_ancestors_as_a_live_request_has(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(described_deinit) struct described most = {0};
	CLEANUP(described_deinit) struct described too_many = {0};
	char text[1024] = "ancestors: [";

	(void)state;
	for (int i = 0; i < ANCESTORS_MAX; i++)
		strcat(text, "{name: a},");
	read_into(&most, &problems, strcat(text, "]"), NULL);
	assert_int_equal(problems.count, 0);
	assert_int_equal(most.request.caller->n_ancestors, ANCESTORS_MAX);
	text[strlen(text) - 1] = '\0';
	read_into(&too_many, &problems, strcat(text, "{name: a}]"), NULL);
	assert_int_equal(problems.count, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_stated_is_known_and_ordinary),
		cmocka_unit_test(what_is_stated_is_so),
		cmocka_unit_test(what_a_live_request_derives_is_derived),
		cmocka_unit_test(ancestors_are_processes_nearest_first),
		cmocka_unit_test(unknown_facts_are_as_if_they_could_not_be_learned),
		cmocka_unit_test(a_caller_can_be_unknown_as_a_whole),
		cmocka_unit_test(ancestors_may_be_known_in_part),
		cmocka_unit_test(a_request_without_a_key_has_none),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(without_a_home_a_path_below_it_is_wrong),
		cmocka_unit_test(there_are_as_many_ancestors_as_a_live_request_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
