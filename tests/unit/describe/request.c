/* Requests as a file describes them: what is stated, what is ordinary, what is not known. */
#include "../policy/fixture.h"

#include <unistd.h>

#include "describe/request.h"

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

static void free_described(struct described **made) {
	described_free(*made);
}

/* What was wrong is in *problems. */
static struct described *read_from(const char *text, const char *home, struct problems *problems) {
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	struct reading reading = {.problems = problems, .context = {.home = home}};
	struct described *made = NULL;

	assert_int_equal(yaml_tree_parse(&root, bytes_of_text(text), "t", problems), 0);
	assert_int_equal(described_new(&made, &reading, root), 0);
	return made;
}

static struct described *described(const char *text) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct described *made = read_from(text, "/home/a", &problems);

	print_problems(&problems);
	assert_int_equal(problems.count, 0);
	return made;
}

static void what_is_not_stated_is_known_and_ordinary(void **state) {
	CLEANUP(free_described) struct described *made = described("{}");
	const struct caller *caller = made->request.caller;

	(void)state;
	assert_int_equal(made->request.operation, OPERATION_SIGN);
	assert_string_equal(made->request.endpoint, "default");
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
	assert_true(rule_fits("deny", "key: '*'", &made->request));
	assert_false(rule_fits("deny", "key: SHA256:4", &made->request));
	assert_false(rule_fits("deny", "key_type: ssh-*", &made->request));
	assert_false(rule_fits("deny", "exe: /usr/**", &made->request));
}

static void what_is_stated_is_so(void **state) {
	CLEANUP(free_described)
	struct described *made = described("operation: add\n"
	                                   "process_name: name\nexe: /usr/bin/ssh\ntitle: t\n"
	                                   "command: ' ssh  -p\t22 host '\ncwd: ~/src\n"
	                                   "cgroup: /a.slice\nhas_terminal: yes\n"
	                                   "key: " FINGERPRINT "\nkey_type: ssh-rsa\n"
	                                   "endpoint: build\n");
	const struct caller *caller = made->request.caller;

	(void)state;
	assert_int_equal(made->request.operation, OPERATION_ADD);
	assert_string_equal(made->request.endpoint, "build");
	assert_string_equal(made->request.key.fingerprint, FINGERPRINT);
	assert_string_equal(made->request.key.type, "ssh-rsa");
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
	CLEANUP(free_described)
	struct described *made = described("exe: /opt/a-name-of-more-letters\n"
	                                   "command: [x, 'a b', '']\n");
	const struct process *process = &made->request.caller->process;

	(void)state;
	assert_string_equal(process->name, "a-name-of-more-letters");
	assert_string_equal(process->title, "a-name-of-more-"); /* as the kernel cuts it */
	assert_int_equal(process->argc, 3);
	assert_string_equal(process->argv[1], "a b");
	assert_string_equal(process->argv[2], "");
	assert_true(rule_fits("deny", "process_name: x", &made->request)); /* a claim */
	assert_false(rule_fits("allow", "process_name: x", &made->request));
}

static void ancestors_are_processes_nearest_first(void **state) {
	CLEANUP(free_described)
	struct described *made = described("ancestors:\n"
	                                   "- {name: git, command: git push}\n"
	                                   "- {exe: /usr/bin/node, command: node /opt/coder.js}\n"
	                                   "- {unknown: exe}\n");
	const struct caller *caller = made->request.caller;

	(void)state;
	assert_int_equal(caller->n_ancestors, 3);
	assert_true(caller->ancestors_known);
	assert_string_equal(caller->ancestors[0].name, "git");
	assert_string_equal(caller->ancestors[0].exe, "");
	assert_int_equal(caller->ancestors[0].argc, 2);
	assert_string_equal(caller->ancestors[1].name, "node");
	assert_null(caller->ancestors[2].exe);
	assert_null(caller->ancestors[2].name);
	assert_true(rule_fits("allow", "ancestor: git", &made->request));
	assert_false(rule_fits("allow", "ancestor: coder.js", &made->request));
	assert_true(rule_fits("deny", "ancestor: coder.js", &made->request));
	assert_true(rule_fits("deny", "ancestor: /usr/bin/tmux", &made->request)); /* the third? */
}

static void unknown_facts_are_as_if_they_could_not_be_learned(void **state) {
	CLEANUP(free_described)
	struct described *made = described("unknown: [exe, command, title, has_terminal, cwd, "
	                                   "cgroup, ancestors, key, key_type]\n");
	const struct caller *caller = made->request.caller;

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
	assert_string_equal(made->request.key.fingerprint, "");
	assert_string_equal(made->request.key.type, "");
	assert_true(rule_fits("deny", "key: SHA256:4", &made->request));
	assert_false(rule_fits("allow", "exe: '**'", &made->request));
}

static void a_caller_can_be_unknown_as_a_whole(void **state) {
	CLEANUP(free_described)
	struct described *made = described("exe: /usr/bin/ssh\nunknown: caller\n");

	(void)state;
	assert_int_equal(made->request.caller->state, CALLER_UNKNOWN);
	assert_non_null(made->request.caller->reason);
	assert_false(rule_fits("allow", "exe: /usr/bin/ssh", &made->request));
	assert_true(rule_fits("deny", "exe: /usr/bin/other", &made->request));
}

static void ancestors_may_be_known_in_part(void **state) {
	CLEANUP(free_described)
	struct described *made = described("ancestors: [{name: git}]\nunknown: [ancestors]\n");

	(void)state;
	assert_int_equal(made->request.caller->n_ancestors, 1);
	assert_false(made->request.caller->ancestors_known);
	assert_true(rule_fits("allow", "ancestor: git", &made->request));
	assert_true(rule_fits("deny", "ancestor: tmux", &made->request));
}

static void a_request_without_a_key_has_none(void **state) {
	CLEANUP(free_described) struct described *made = described("operation: lock");

	(void)state;
	assert_string_equal(made->request.key.fingerprint, "");
	assert_string_equal(made->request.key.type, "");
}

static void a_login_is_a_verified_one_to_a_host_that_nobody_names(void **state) {
	CLEANUP(free_described) struct described *made = described("{}");

	(void)state;
	assert_int_equal(made->request.payload->kind, PAYLOAD_SSH_LOGIN);
	assert_int_equal(made->request.meeting, MEETING_VERIFIED);
	assert_int_equal(made->request.is_forwarded, TRI_NO);
	assert_true(rule_fits("allow", "hops: 0", &made->request));
	assert_true(rule_fits("allow", "dest_evidence: verified", &made->request));
	assert_false(rule_fits("deny", "dest_key: SHA256:4", &made->request));
	assert_false(rule_fits("deny", "ssh_user: root", &made->request));
	assert_false(rule_fits("deny", "namespace: '*'", &made->request));
	assert_false(rule_fits("deny", "caller_integrity: [traced, fd-inherited]", &made->request));
}

static void what_is_signed_is_stated(void **state) {
	CLEANUP(free_described)
	struct described *login = described("ssh_user: git\ndest_key: " FINGERPRINT "\n");
	CLEANUP(free_described) struct described *git = described("namespace: git");
	CLEANUP(free_described) struct described *token = described("sign_type: unknown");

	(void)state;
	assert_true(rule_fits("allow", "ssh_user: git, dest_key: SHA256:47D", &login->request));
	assert_int_equal(git->request.payload->kind, PAYLOAD_SSHSIG);
	assert_true(rule_fits("allow", "sign_type: sshsig, namespace: git", &git->request));
	assert_false(rule_fits("deny", "dest_evidence: none", &git->request));
	assert_true(rule_fits("allow", "sign_type: unknown", &token->request));
	assert_true(rule_fits("deny", "ssh_user: root", &token->request)); /* nobody can tell */
}

static void evidence_may_be_less_than_a_proof(void **state) {
	CLEANUP(free_described)
	struct described *bound = described("dest_key: " FINGERPRINT "\ndest_evidence: bound");
	CLEANUP(free_described)
	struct described *none = described("dest_key: " FINGERPRINT "\ndest_evidence: none");
	CLEANUP(free_described) struct described *unknown = described("unknown: dest_key");
	CLEANUP(free_described)
	struct described *list = described("operation: list\ndest_key: " FINGERPRINT);

	(void)state;
	assert_false(rule_fits("allow", "dest_key: SHA256:47D", &bound->request));
	assert_true(
		rule_fits("allow", "dest_key: SHA256:47D, dest_evidence: bound", &bound->request));
	assert_null(none->request.dest_key);
	assert_true(rule_fits("allow", "dest_evidence: none", &none->request));
	assert_int_equal(unknown->request.meeting, MEETING_NONE);
	assert_true(rule_fits("deny", "dest_key: SHA256:4", &unknown->request));
	assert_int_equal(list->request.meeting, MEETING_BOUND);
	assert_null(list->request.payload);
}

static void forwarding_and_hops_follow_each_other(void **state) {
	static const struct {
		const char *text;
		enum tri is_forwarded;
		const char *hops; /* NULL: not known */
	} rows[] = {
		{"is_forwarded: true", TRI_YES, "hops: 1"},
		{"hops: 3", TRI_YES, "hops: 3"},
		{"hops: 16", TRI_YES, "hops: 16"},
		{"hops: 0", TRI_NO, "hops: 0"},
		{"unknown: is_forwarded", TRI_UNKNOWN, "hops: 0"},
		{"unknown: hops", TRI_NO, NULL},
		{"{unknown: hops, is_forwarded: true}", TRI_YES, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(free_described) struct described *made = described(rows[i].text);

		assert_int_equal(made->request.is_forwarded, rows[i].is_forwarded);
		if (rows[i].hops != NULL)
			assert_true(rule_fits("allow", rows[i].hops, &made->request));
		else
			assert_null(made->request.session);
	}
}

static void marks_of_the_caller_are_stated_or_not_known(void **state) {
	CLEANUP(free_described)
	struct described *made = described("caller_integrity: [traced, fd-inherited]\nexe: /x");
	CLEANUP(free_described) struct described *unknown = described("unknown: caller_integrity");

	(void)state;
	assert_true(rule_fits("allow", "caller_integrity: traced", &made->request));
	assert_false(rule_fits("deny", "caller_integrity: preloaded", &made->request));
	assert_false(rule_fits("allow", "exe: /x", &made->request)); /* it may have been another */
	assert_true(rule_fits("deny", "caller_integrity: preloaded", &unknown->request));
	assert_false(rule_fits("allow", "caller_integrity: preloaded", &unknown->request));
}

static void surroundings_are_stated_or_ordinary_or_not_known(void **state) {
	CLEANUP(free_described)
	struct described *made = described("env: {A: b, C: ''}\ntmux_window: main:vi\nuid: 0\n"
	                                   "user_presence: remote\nis_in_container: true\n"
	                                   "time: Sat 23:10\nparent_process_name: make\n");
	CLEANUP(free_described) struct described *ordinary = described("{}");
	CLEANUP(free_described)
	struct described *unknown = described("unknown: [env, tmux_window, user_presence, "
	                                      "is_in_container]\n");

	(void)state;
	assert_true(
		rule_fits("allow", "env: {A: b}, tmux_window: 'main:*', uid: 0", &made->request));
	assert_true(rule_fits("allow", "env: {C: '~^$'}, user_presence: remote", &made->request));
	assert_true(
		rule_fits("allow", "is_in_container: true, time: sat 23:00-24:00", &made->request));
	assert_true(rule_fits("allow", "parent_process_name: make", &made->request));
	assert_int_equal(ordinary->request.caller->n_env, 0);
	assert_true(rule_fits("allow", "user_presence: local, is_in_container: false",
	                      &ordinary->request));
	assert_true(rule_fits("allow", "time: mon 12:00-12:01", &ordinary->request));
	assert_false(rule_fits("deny", "env: {A: '*'}", &ordinary->request));
	assert_false(rule_fits("deny", "tmux_window: '*'", &ordinary->request));
	assert_false(rule_fits("deny", "parent_process_name: '*'", &ordinary->request));
	assert_true(rule_fits("deny", "env: {A: b}, tmux_window: x, is_in_container: true",
	                      &unknown->request));
	assert_true(rule_fits("allow", "user_presence: unknown", &unknown->request));
}

static void agents_are_derived_unless_they_are_stated(void **state) {
	static const struct {
		const char *text;
		enum tri any;
		const char *name;
	} rows[] = {
		{"{}", TRI_NO, NULL},
		{"env: {CLAUDECODE: '1'}", TRI_YES, "claude"},
		{"ancestors: [{name: codex}]", TRI_YES, "codex"},
		{"ancestors: [{name: node, command: node /usr/bin/gemini}]", TRI_YES, "gemini"},
		{"ancestors: [{name: bash}, {name: systemd, foreign: true}]", TRI_NO, NULL},
		{"unknown: env", TRI_UNKNOWN, NULL},
		{"unknown: ancestors", TRI_UNKNOWN, NULL},
		{"unknown: is_coding_agent", TRI_UNKNOWN, NULL},
		{"{ancestors: [{name: codex}], is_coding_agent: false}", TRI_NO, NULL},
		{"is_coding_agent: true", TRI_YES, ""},
		{"coding_agent: mine", TRI_YES, "mine"},
		{"{env: {CLAUDECODE: '1'}, coding_agent: ''}", TRI_NO, NULL},
	};
	CLEANUP(free_policy) struct policy *policy = must_parse("default_action: deny");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(free_described) struct described *made = described(rows[i].text);
		struct request request = described_request(made, policy);

		if (coding_agents_any(&request.coding_agents) != rows[i].any)
			print_message("# %s\n", rows[i].text);
		assert_int_equal(coding_agents_any(&request.coding_agents), rows[i].any);
		assert_int_equal(request.coding_agents.count, rows[i].name != NULL);
		if (rows[i].name != NULL)
			assert_string_equal(request.coding_agents.items[0].name, rows[i].name);
	}
}

static void a_stated_parent_is_the_nearest_ancestor(void **state) {
	CLEANUP(free_described)
	struct described *made = described("ancestors: [{name: sh}, {name: make}]\n"
	                                   "parent_process_name: git\n");

	(void)state;
	assert_int_equal(made->request.caller->n_ancestors, 2);
	assert_string_equal(made->request.caller->ancestors[0].name, "git");
	assert_string_equal(made->request.caller->ancestors[1].name, "make");
}

static void what_is_wrong_is_named_with_its_place(void **state) {
	static const struct {
		const char *text, *message;
		size_t line, column;
	} rows[] = {
		{"procss_name: ssh", "procss_name: unknown field; did you mean process_name?", 1,
	         1},
		{"exe: /x\nenv: b", "env: not a map", 2, 6},
		{"env: {A: 1}", "env: 1: a number in YAML", 1, 10},
		{"uid: me", "uid: no number of a user", 1, 6},
		{"time: noon", "time: noon: write a day and a time", 1, 7},
		{"user_presence: away", "user_presence: away: unknown value", 1, 16},
		{"is_in_container: 1", "is_in_container: unknown value", 1, 18},
		{"unknown: [time]", "unknown: time: unknown value", 1, 11},
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
		{"sign_type: ssh", "sign_type: ssh: unknown value", 1, 12},
		{"dest_evidence: proved", "dest_evidence: proved: unknown value", 1, 16},
		{"dest_key: host", "dest_key: host: not a fingerprint", 1, 11},
		{"hops: 17", "hops: 17: unknown value", 1, 7},
		{"is_forwarded: 1", "is_forwarded: unknown value", 1, 15},
		{"caller_integrity: [trace]", "did you mean traced?", 1, 20},
		{"unknown: [ssh_user]", "unknown: ssh_user: unknown value", 1, 11},
		{"exe: /x\nunknown: [exe]", "unknown: exe: is stated, too", 2, 11},
		{"unknown: [endpoint]", "unknown: endpoint: unknown value", 1, 11},
		{"unknown: [exee]", "did you mean exe?", 1, 11},
		{"caller: me", "caller: is described by the other fields", 1, 9},
		{"exe: /x\nexe: /y", "exe: stands twice", 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		CLEANUP(free_described)
		struct described *made = read_from(rows[i].text, "/home/a", &problems);

		assert_non_null(made);
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
	CLEANUP(free_described)
	struct described *made = read_from("exe: ~/bin/x", NULL, &problems);

	(void)state;
	assert_non_null(made);
	assert_int_equal(problems.count, 1);
	assert_non_null(strstr(problems.items[0].text, "HOME"));
}

static void there_are_as_many_ancestors_as_a_live_request_has(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_described) struct described *most = NULL;
	CLEANUP(free_described) struct described *too_many = NULL;
	char text[1024] = "ancestors: [";

	(void)state;
	for (int i = 0; i < ANCESTORS_MAX; i++)
		strcat(text, "{name: a},");
	most = read_from(strcat(text, "]"), NULL, &problems);
	assert_int_equal(problems.count, 0);
	assert_int_equal(most->request.caller->n_ancestors, ANCESTORS_MAX);
	text[strlen(text) - 1] = '\0';
	too_many = read_from(strcat(text, "{name: a}]"), NULL, &problems);
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
		cmocka_unit_test(a_login_is_a_verified_one_to_a_host_that_nobody_names),
		cmocka_unit_test(what_is_signed_is_stated),
		cmocka_unit_test(evidence_may_be_less_than_a_proof),
		cmocka_unit_test(forwarding_and_hops_follow_each_other),
		cmocka_unit_test(marks_of_the_caller_are_stated_or_not_known),
		cmocka_unit_test(surroundings_are_stated_or_ordinary_or_not_known),
		cmocka_unit_test(agents_are_derived_unless_they_are_stated),
		cmocka_unit_test(a_stated_parent_is_the_nearest_ancestor),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(without_a_home_a_path_below_it_is_wrong),
		cmocka_unit_test(there_are_as_many_ancestors_as_a_live_request_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
