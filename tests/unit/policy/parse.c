/* Every way in which a policy file can be wrong, with the exact place and what the message says. */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/yaml_tree.h"

struct row {
	const char *text;
	size_t line;
	size_t column;
	const char *message; /* a part of it */
};

static int parse(struct problems *problems, struct bytes text) {
	struct policy *policy = NULL;
	int error = policy_parse(&policy, text, "p.yaml", NULL, problems);

	if (error < 0)
		assert_null(policy);
	policy_unref(policy);
	return error;
}

/* Each row has exactly one problem. */
static void assert_rows(const struct row *rows, size_t n_rows) {
	for (size_t i = 0; i < n_rows; i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		int error = parse(&problems, bytes_of_text(rows[i].text));

		if (error != -EINVAL || problems.count != 1 ||
		    problems.items[0].line != rows[i].line ||
		    problems.items[0].column != rows[i].column ||
		    strstr(problems.items[0].text, rows[i].message) == NULL) {
			print_message("# row %zu: %s\n# wanted %zu:%zu: %s\n", i, rows[i].text,
			              rows[i].line, rows[i].column, rows[i].message);
			print_problems(&problems);
			fail();
		}
		assert_string_equal(problems.items[0].file, "p.yaml");
	}
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]))
#define DENY              "default_action: deny\n"

static void what_is_no_yaml_is_refused_with_its_place(void **state) {
	static const struct row rows[] = {
		{"", 0, 0, "the file is empty"},
		{"# only a comment\n", 0, 0, "the file is empty"},
		{DENY "\trules: []\n", 2, 1, "at a tab (indent with spaces)"},
		{DENY "rules:\n  - match: {}\n\taction: deny\n", 4, 1, "tab"},
		{DENY "rules: [\n", 3, 1, "flow"},
		{DENY "rules: \"abc\n", 3, 1, "quoted scalar that began in line 2"},
		{DENY "rules: []]\n", 2, 10, "at \"]\""},
		{DENY "a: b: c\n", 2, 5, "at \": c\""},
		{DENY "---\n" DENY, 2, 1, "a second YAML document"},
		{DENY "...\n---\n" DENY, 3, 1, "a second YAML document"},
		{DENY "# \xff\n", 2, 3, "byte 0xff is not UTF-8"},
		{DENY "# \xc3\xa4\xc3\n", 2, 4, "byte 0xc3 is not UTF-8"},
		{DENY "# \xed\xa0\x80\n", 2, 3, "byte 0xed is not UTF-8"},
		{DENY "# \xc0\xaf\n", 2, 3, "byte 0xc0 is not UTF-8"},
		{DENY "# \xf4\x90\x80\x80\n", 2, 3, "byte 0xf4 is not UTF-8"},
		{DENY "# \xef\xbb\xbf\n", 2, 3, "byte order mark in the middle"},
		{DENY "# \x1b[31m\n", 2, 3, "control character U+001B"},
		{DENY "# \xc2\x9b\n", 2, 3, "control character U+009B"},
		{"\xff\xfe"
	         "d\0e\0",
	         1, 1, "UTF-16"},
		{"\xfe\xff\0d", 1, 1, "UTF-16"},
		{DENY "rules: &a [*a]\n", 2, 12, "*a: no anchor &a stands before it"},
		{"default_action: !!str deny\n", 1, 17, "tags are not taken"},
		{DENY "rules: *a\n", 2, 8, "*a: no anchor &a stands before it (a pattern"},
		{DENY "default_action: allow\n", 2, 1, "stands twice in one map, also in line 1"},
		{DENY "'default_action': allow\n", 2, 1, "stands twice"},
		{DENY "? [a]\n: b\n", 2, 3, "a list as a name"},
		{DENY "? {a: b}\n: b\n", 2, 3, "a map as a name"},
		{DENY "\"rul\\0es\": b\n", 2, 1, "zero byte"},
		{DENY "rules: \"a\\0\"\n", 2, 8, "zero byte"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strncmp(rows[i].text, "a: &a", 5) == 0) {
			CLEANUP(problems_deinit) struct problems problems = {0};

			assert_int_equal(parse(&problems, bytes_of_text(rows[i].text)), -EINVAL);
			assert_int_equal(problems.count, 3); /* and "a", and default_action */
			continue;
		}
		assert_rows(&rows[i], 1);
	}
}

static void what_is_no_policy_is_refused_with_its_place(void **state) {
	static const struct row rows[] = {
		{"[]\n", 1, 1, "the policy: a list, where a map"},
		{"deny\n", 1, 1, "the policy: one value, where a map"},
		{"~\n", 1, 1, "the policy: empty, where a map"},
		{"{}\n", 1, 1, "default_action: missing; write default_action: allow, deny or"},
		{"rules: []\n", 1, 1, "default_action: missing"},
		{DENY "version: 2\n", 2, 10, "version: 2: not known; write version: 1"},
		{DENY "version: '1'\n", 2, 10, "version: 1: not known"},
		{DENY "path: [/bin]\n", 2, 7, "path: only in files of version 0"},
		{"version: 0\npath: 7\n", 2, 7, "path: 7: a number in YAML"},
		{DENY "version: [1]\n", 2, 10, "version: no number: not known"},
		{"default_action: alow\n", 1, 17, "alow: unknown value; did you mean allow?"},
		{"default_action: yes\n", 1, 17,
	         "yes: unknown value; write allow, deny or confirm"},
		{"default_action: Deny\n", 1, 17, "Deny: unknown value; did you mean deny?"},
		{"default_action:\n", 1, 16, "default_action: empty; write allow"},
		{"default_action: [deny]\n", 1, 17, "default_action: a list, where one value"},
		{"default_action: {a: b}\n", 1, 17, "default_action: a map, where one value"},
		{DENY "default_change_action: no\n", 2, 24, "default_change_action: no: unknown"},
		{DENY "log: deny\n", 2, 6, "log: one value, where a map"},
		{DENY "log: {on_error: confirm}\n", 2, 17, "on_error: confirm: unknown value"},
		{DENY "log: {sync: often}\n", 2, 13, "sync: often: unknown value"},
		{DENY "log: {keep: 90}\n", 2, 13, "keep: 90: a number in YAML"},
		{DENY "log: {keep: 0d}\n", 2, 13, "keep: 0d: no number of days"},
		{DENY "log: {keep: 3w}\n", 2, 13, "keep: 3w: no number of days"},
		{DENY "log: {keep: 99999d}\n", 2, 13, "keep: 99999d: no number of days"},
		{DENY "log: {keep: d}\n", 2, 13, "keep: d: no number of days"},
		{DENY "log: {keep_size: 90}\n", 2, 18, "keep_size: 90: a number in YAML"},
		{DENY "log: {keep_size: 0G}\n", 2, 18, "keep_size: 0G: no size"},
		{DENY "log: {keep_size: 1T}\n", 2, 18, "keep_size: 1T: no size"},
		{DENY "log: {file_size: 1K}\n", 2, 18, "file_size: 1K: no size from 64K"},
		{DENY "log: {file_size: 2G}\n", 2, 18, "file_size: 2G: no size from 64K"},
		{DENY "log: {sign_heads: {every: 100}}\n", 2, 19, "sign_heads: names no key"},
		{DENY "log: {sign_heads: {key: mine}}\n", 2, 25, "key: mine: no fingerprint"},
		{DENY "log: {sign_heads: {key: SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE,"
	              " every: 9}}\n",
	         2, 84, "every: write a number of events, from 10"},
		{DENY "log: {compress: often}\n", 2, 17, "compress"},
		{DENY "log: {onerror: deny}\n", 2, 7, "onerror: unknown field; did you mean on_"},
		{DENY "rules:\n", 2, 7, "rules: not a list"},
		{DENY "rules: {}\n", 2, 8, "rules: not a list"},
		{DENY "rule: []\n", 2, 1, "rule: unknown field; did you mean rules?"},
		{DENY "<<: {}\n", 2, 1, "<<: merging one map into another is not taken here"},
		{DENY "'<<': {}\n", 2, 1,
	         "<<: unknown field; this version knows version, include, "},
		{DENY "seal: true\n", 2, 1, "seal: unknown field; this version knows version, "},
		{DENY "'': {}\n", 2, 1, "\"\": unknown field"},
		{DENY "require_proof: maybe\n", 2, 16,
	         "require_proof: maybe: unknown value; write"},
		{DENY "lock: maybe\n", 2, 7, "lock: maybe: unknown value; write"},
		{DENY "require_proof: 'true'\n", 2, 16, "require_proof: true: unknown value"},
		{DENY "require_proof: [true]\n", 2, 16, "require_proof: a list, where one value"},
		{"default_action: allow\nrequire_proof: true\n", 0, 0,
	         "a default that allows proves"},
		{DENY "default_change_action: allow\nrequire_proof: true\n", 0, 0,
	         "a default that allows"},
		{DENY "coding_agents: [claude]\n", 2, 16, "coding_agents: a list, where a map"},
		{DENY "coding_agents: {a: }\n", 2, 20, "coding_agents: empty, where a map"},
		{DENY "coding_agents: {a: {}}\n", 2, 20,
	         "coding_agents: a: empty, so that nothing"},
		{DENY "coding_agents: {a: {ancestor: b}}\n", 2, 21, "did you mean ancestors?"},
		{DENY "coding_agents: {a: {exe: b}}\n", 2, 26, "exe: b: never fits"},
		{DENY "coding_agents: {a: {env: b}}\n", 2, 26, "env: one value, where a map"},
		{DENY "coding_agents: {'': {exe: /b}}\n", 2, 17, "coding_agents: \"\": no name"},
		{DENY "capture_extra_env_vars: [A=B]\n", 2, 26, "A=B: not the name of a variable"},
		{DENY "capture_extra_env_vars: '*'\n", 2, 25, "*: not the name of a variable"},
		{DENY "capture_extra_env_vars: {A: b}\n", 2, 25, "a map, where one value"},
		{DENY "rules:\n-\n", 3, 2, "a rule: empty, where a map"},
		{DENY "rules: [allow]\n", 2, 9, "a rule: one value, where a map"},
		{DENY "rules:\n- action: deny\n", 3, 3, "match: missing; write match: {}"},
		{DENY "rules:\n- match: {}\n", 3, 3, "action: missing; write action: allow"},
		{DENY "rules: [{match: , action: deny}]\n", 2, 17, "match: empty, where a map"},
		{DENY "rules: [{match: [], action: deny}]\n", 2, 17, "match: a list, where"},
		{DENY "rules: [{match: {}, action: off}]\n", 2, 29, "action: off: unknown value"},
		{DENY "rules: [{match: {}, unless: {}, action: deny}]\n", 2, 29,
	         "unless: an empty map, which would always"},
		{DENY "rules: [{match: {}, unless: , action: deny}]\n", 2, 29, "unless: empty"},
		{DENY "rules: [{match: {}, unless: {e: x}, action: deny}]\n", 2, 30,
	         "e: unknown field; this version knows process_name, parent_process_name, exe"},
		{DENY "rules: [{name: 7, match: {}, action: deny}]\n", 2, 16,
	         "name: 7: a number in YAML"},
		{DENY "rules: [{name: default, match: {}, action: deny}]\n", 2, 16,
	         "name: default: reserved"},
		{DENY "rules: [{name: rule-12, match: {}, action: deny}]\n", 2, 16, "reserved"},
		{DENY "rules:\n- {name: a, match: {}, action: deny}\n"
	              "- {name: b, match: {}, action: deny}\n"
	              "- {name: a, match: {}, action: deny}\n",
	         5, 10, "name: a: the rule with its name in line 3 is called so"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* The value stands in column 10 of line 4. */
static void assert_value_rows(const struct row *rows, size_t n_rows) {
	for (size_t i = 0; i < n_rows; i++) {
		char text[4096];

		snprintf(text, sizeof(text), DENY "rules:\n- match:\n   %s\n  action: deny\n",
		         rows[i].text);
		assert_rows(&(struct row){text, 4, rows[i].column + 3, rows[i].message}, 1);
	}
}

static void a_value_that_says_something_else_is_refused(void **state) {
	static const struct row rows[] = {
		{"procss_name: a", 0, 1, "procss_name: unknown field; did you mean process_name?"},
		{"dest_name: a", 0, 1,
	         "dest_name: unknown field; this version knows process_name,"},
		{"ssh_dest: 'git@'", 0, 11, "ssh_dest: git@: never fits: no host is named"},
		{"ssh_dest: 'git@a.example:22'", 0, 11,
	         "ssh_dest: git@a.example:22: never fits: a host with a port is written "
	         "[host]:port"},
		{"ssh_dest: 'a b'", 0, 11, "ssh_dest: a b: never fits: no name of a host has"},
		{"forwarded_via: a@b", 0, 16,
	         "forwarded_via: a@b: never fits: a host on the way has no user"},
		{"known_hosts: system-wide", 0, 14, "known_hosts: system-wide: unknown value"},
		{"git_operation: pull", 0, 16, "git_operation: pull: unknown value"},
		{"is_in_known_hosts: maybe", 0, 20, "is_in_known_hosts: maybe: unknown value"},
		{"env: a", 0, 6, "env: one value, where a map"},
		{"env: {}", 0, 6, "env: an empty map, which does not mean \"anything\""},
		{"env: [A]", 0, 6, "env: a list, where a map"},
		{"env: {A: 1}", 0, 10,
	         "env: 1: a number in YAML, where text is meant; write \"1\""},
		{"env: {A: ''}", 0, 10, "env: empty, which does not mean"},
		{"env: {A: []}", 0, 10, "env: an empty list"},
		{"env: {A: {B: c}}", 0, 10, "env: a map, where one value"},
		{"env: {A=B: c}", 0, 7, "env: A=B: not the name of a variable"},
		{"env: {'': c}", 0, 7, "env: empty: not the name of a variable"},
		{"env: {A*: c}", 0, 7, "env: A*: not the name of a variable"},
		{"env: {A: b, A: c}", 0, 13, "A: stands twice"},
		{"parent_process_name: /bin/sh", 0, 22, "/bin/sh: never fits"},
		{"cwd: src", 0, 6, "cwd: src: never fits: a working directory begins with"},
		{"cwd: /src/", 0, 6, "cwd: /src/: never fits: a working directory has no"},
		{"cwd: ~/src", 0, 6, "HOME"},
		{"cgroup: user.slice", 0, 9, "cgroup: user.slice: never fits"},
		{"tmux_window: []", 0, 14, "tmux_window: an empty list"},
		{"uid: alice", 0, 6, "uid: alice: no number of a user"},
		{"uid: 0x10", 0, 6, "uid: 0x10: no number"},
		{"uid: 01", 0, 6, "uid: 01: no number"},
		{"uid: -1", 0, 6, "uid: -1: no number"},
		{"uid:", 0, 5, "uid: empty: no number"},
		{"uid: 12345678901", 0, 6, "no number"},
		{"user_presence: here", 0, 16, "user_presence: here: unknown value; write"},
		{"is_in_container: 1", 0, 18, "is_in_container: 1: unknown value; write true"},
		{"time: noon", 0, 7, "time: noon: write days, hours, or both"},
		{"time: 9:00-17:00", 0, 7, "time: 9:00-17:00: write days"},
		{"time: [mon, x]", 0, 13, "time: x: write days"},
		{"process_name: no", 0, 15, "process_name: no: false in YAML, where text is meant"},
		{"process_name: Yes", 0, 15, "true in YAML, where text is meant; write \"Yes\""},
		{"process_name: [ssh, off]", 0, 21, "off: false in YAML"},
		{"process_name: 7", 0, 15, "process_name: 7: a number in YAML"},
		{"process_name: 1e3", 0, 15, "a number in YAML"},
		{"process_name: 0x1f", 0, 15, "a number in YAML"},
		{"process_name: 12:30:45", 0, 15, "a number in YAML"},
		{"process_name: -.inf", 0, 15, "a number in YAML"},
		{"process_name: null", 0, 15, "process_name: null: null in YAML"},
		{"process_name: ~", 0, 15, "process_name: ~: null in YAML"},
		{"process_name:", 0, 14, "process_name: empty, which does not mean \"anything\""},
		{"process_name: ''", 0, 15, "process_name: empty, which does not mean"},
		{"process_name: []", 0, 15, "process_name: an empty list, which does not mean"},
		{"process_name: [a, '']", 0, 19, "process_name: empty, which does not mean"},
		{"process_name: [a, [b]]", 0, 19, "process_name: a list, where one value"},
		{"process_name: {}", 0, 15, "process_name: a map, where one value"},
		{"process_name: [a, {b: c}]", 0, 19, "process_name: a map, where one value"},
		{"process_name: /usr/bin/ssh", 0, 15, "/usr/bin/ssh: never fits"},
		{"process_name: '~'", 0, 15, "~: an empty regular expression"},
		{"process_name: '~('", 0, 15, "~(: no regular expression: missing closing"},
		{"exe: ssh", 0, 6, "exe: ssh: never fits: the path of a program begins with"},
		{"exe: ~/bin/ssh", 0, 6, "exe: ~/bin/ssh: ~/ is the home directory, and HOME"},
		{"exe: '~/*'", 0, 6, "HOME"},
		{"ancestor: bin/ssh", 0, 11, "ancestor: bin/ssh: never fits"},
		{"has_terminal: maybe", 0, 15, "has_terminal: maybe: unknown value; write true"},
		{"has_terminal: 'true'", 0, 15, "has_terminal: true: unknown value"},
		{"has_terminal: 1", 0, 15, "has_terminal: 1: unknown value"},
		{"has_terminal:", 0, 14, "has_terminal: empty: unknown value"},
		{"has_terminal: {a: b}", 0, 15, "has_terminal: unknown value"},
		{"key: MD5:aa:bb", 0, 6, "key: MD5:aa:bb: never fits: it is compared with"},
		{"key: 'SHA256:'", 0, 6, "no letters behind SHA256:"},
		{"key: SHA256:a=b", 0, 6, "a fingerprint has letters, digits"},
		{"key: " FINGERPRINT "x", 0, 6, "43 letters"},
		{"key: 'me@*'", 0, 6, "never fits"},
		{"key_type: RSA", 0, 11, "key_type: RSA: never fits: its name in the protocol is"},
		{"operation: sing", 0, 12, "operation: sing: unknown value; did you mean sign?"},
		{"operation: [sign, x]", 0, 19, "operation: x: unknown value; write unknown, sign"},
		{"operation: '*'", 0, 12, "operation: *: unknown value"},
		{"operation: null", 0, 12, "operation: null: unknown value"},
		{"endpoint: 1", 0, 11, "endpoint: 1: a number in YAML"},
		{"sign_type: login", 0, 12, "sign_type: login: unknown value; write"},
		{"namespace: ''", 0, 12, "namespace: empty"},
		{"ssh_user: no", 0, 11, "ssh_user: no: false in YAML"},
		{"dest_key: github.com", 0, 11, "dest_key: github.com: never fits"},
		{"dest_evidence: proved", 0, 16,
	         "unknown value; write none, command-line, bound or verified"},
		{"dest_evidence: mismatch", 0, 16, "dest_evidence: mismatch: unknown value"},
		{"is_forwarded: maybe", 0, 15, "is_forwarded: maybe: unknown value; write true"},
		{"hops: 17", 0, 7, "hops: 17: write a number"},
		{"hops: '*'", 0, 7, "hops: *: write a number"},
	};

	(void)state;
	assert_value_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_bad_definition_is_refused_with_its_place(void **state) {
	static const struct row rows[] = {
		{DENY "define: []\n", 2, 9, "define: not a map"},
		{DENY "define:\n", 2, 8, "define: not a map"},
		{DENY "define: {a: {}}\n", 2, 13, "define: a: write a value or a list"},
		{DENY "define: {a: [x, [y]]}\n", 2, 17, "define: a: write a value or a list"},
		{DENY "define: {a: []}\n", 2, 13, "define: a: an empty list"},
		{DENY "define: {a b: x}\n", 2, 10, "define: a b: no name"},
		{DENY "define: {'': x}\n", 2, 10, "define: \"\": no name"},
		{DENY "define: {a: x, b: $a}\n", 2, 19, "define: b: $a: a definition cannot name"},
		{DENY "define: {a: [$a]}\nrules: [{match: {exe: $a}, action: deny}]\n", 2, 14,
	         "define: a: $a: a definition cannot name another"},
		{DENY "define: {hosts: /x}\nrules: [{match: {exe: $host}, action: deny}]\n", 3, 23,
	         "$host: not defined; did you mean $hosts?"},
		{DENY "rules: [{match: {exe: [/a, $x]}, action: deny}]\n", 2, 28,
	         "$x: not defined; write it under define:"},
		{DENY "rules: [{match: {process_name: '$'}, action: deny}]\n", 2, 32, "$: not def"},
		/* Its values are read where it is used, and told of once, in their own place. */
		{DENY "define: {a: [/a, b]}\n"
	              "rules: [{match: {exe: $a}, unless: {exe: $a}, action: deny}]\n",
	         2, 18, "exe: b: never fits"},
		{DENY "define: {a: no}\nrules: [{match: {process_name: $a}, action: deny}]\n", 2,
	         13, "process_name: no: false in YAML"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* As the list of later fields says: what this version does not know is no condition that is
 * silently left out. */
/* A name that is not known is told with all that are. */
static void each_field_has_the_name_that_was_promised(void **state) {
	static const char *const names[] = {
		"process_name",
		"parent_process_name",
		"ancestor",
		"exe",
		"exe_sha256",
		"command",
		"cwd",
		"cgroup",
		"tmux_window",
		"has_terminal",
		"env",
		"uid",
		"user_presence",
		"caller_integrity",
		"is_in_container",
		"is_coding_agent",
		"coding_agent",
		"operation",
		"sign_type",
		"namespace",
		"key",
		"key_comment",
		"key_type",
		"ssh_dest",
		"ssh_user",
		"dest_key",
		"known_hosts",
		"dest_evidence",
		"dest_mismatch",
		"is_in_known_hosts",
		"is_forwarded",
		"forwarded_via",
		"hops",
		"git_repo",
		"git_operation",
		"endpoint",
		"time",
	};
	CLEANUP(problems_deinit) struct problems problems = {0};

	(void)state;
	assert_int_equal(parse(&problems, bytes_of_text(DENY "rules: [{match: {qqqqqqqqqqqqqq: x}, "
	                                                     "action: deny}]\n")),
	                 -EINVAL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(problems.items[0].text, names[i]) == NULL)
			fail_msg("%s is not known", names[i]);
}

static void every_problem_is_told_at_once_in_the_order_of_the_file(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	static const char text[] = "default_actoin: deny\n"
				   "rules:\n"
				   "- match: {exe: ssh, procss_name: a}\n"
				   "  action: alow\n"
				   "- action: deny\n"
				   "- match: {process_name: &x no, operation: *x}\n"
				   "  action: deny\n"
				   "  action: deny\n";
	static const size_t places[][2] = {{1, 1}, {1, 1},  {3, 16}, {3, 21}, {4, 11},
	                                   {5, 3}, {6, 25}, {6, 25}, {8, 3}};

	(void)state;
	assert_int_equal(parse(&problems, bytes_of_text(text)), -EINVAL);
	print_problems(&problems);
	assert_int_equal(problems.count, sizeof(places) / sizeof(places[0]));
	for (size_t i = 0; i < problems.count; i++) {
		assert_int_equal(problems.items[i].line, places[i][0]);
		assert_int_equal(problems.items[i].column, places[i][1]);
	}
}

static void columns_count_characters(void **state) {
	static const struct row rows[] = {
		{DENY "rules: [{name: \"\xc3\xa4\xe2\x82\xac\", match: {x: 1}, action: deny}]\n", 2,
	         30, "x: unknown field"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void a_byte_order_mark_and_foreign_line_ends_are_taken(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};

	(void)state;
	assert_int_equal(parse(&problems, bytes_of_text("\xef\xbb\xbf" DENY)), 0);
	assert_int_equal(parse(&problems, bytes_of_text("default_action: deny\r\nrules: []\r\n")),
	                 0);
	assert_int_equal(parse(&problems, bytes_of_text("\xef\xbb\xbf"
	                                                "default_action: deny\r\nx: 1\r\n")),
	                 -EINVAL);
	assert_int_equal(problems.items[0].line, 2);
	assert_int_equal(problems.items[0].column, 1);
}

/* A text made of count times part. */
static struct bytes repeat(const char *start, const char *part, size_t count) {
	size_t start_len = strlen(start), part_len = strlen(part);
	char *text = malloc(start_len + count * part_len + 1);

	assert_non_null(text);
	memcpy(text, start, start_len);
	for (size_t i = 0; i < count; i++)
		memcpy(text + start_len + i * part_len, part, part_len);
	return (struct bytes){(uint8_t *)text, start_len + count * part_len};
}

static void assert_refused(struct bytes text, size_t line, const char *message) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = parse(&problems, text);

	free((char *)(uintptr_t)text.data);
	assert_int_equal(error, -EINVAL);
	assert_true(problems.count > 0);
	if (strstr(problems.items[problems.count - 1].text, message) == NULL)
		print_problems(&problems);
	assert_non_null(strstr(problems.items[problems.count - 1].text, message));
	assert_int_equal(problems.items[problems.count - 1].line, line);
}

static void a_bomb_costs_nothing(void **state) {
	(void)state;
	assert_refused(repeat("a: ", "[", 1000), 1, "more than 64 levels");
	assert_refused(repeat("a: ", "{a: ", 1000), 1, "more than 64 levels");
	assert_refused(repeat("", "- ", 1000), 1, "more than 64 levels");
	assert_refused(repeat(DENY "rules: [", "a,", 300000), 2, "more than 250000 values");
}

/* Nine levels of nine aliases each: as much as nobody can hold, where it is expanded. */
static void what_aliases_stand_for_is_put_in(void **state) {
	static const char text[] =
		"default_action: &d deny\n"
		"default_change_action: *d\n"
		"rules:\n"
		"- name: one\n"
		"  match: &ssh {exe: &exe [/usr/bin/ssh, /usr/bin/scp]}\n"
		"  action: deny\n"
		"- {name: two, match: {exe: *exe, operation: add}, action: confirm}\n"
		"- {name: three, match: {operation: remove}, unless: *ssh, action: allow}\n";
	CLEANUP(free_policy) struct policy *policy = must_parse(text);
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	assert_string_equal(policy_decide(policy, &request).rule, "one");
	request.operation = OPERATION_ADD;
	assert_string_equal(policy_decide(policy, &request).rule, "two");
	request.operation = OPERATION_REMOVE;
	assert_string_equal(policy_decide(policy, &request).rule, "default");
	caller.process.exe = (char[]){"/usr/bin/ssh-add"};
	assert_string_equal(policy_decide(policy, &request).rule, "three");
}

/* With the place where it was written, and each once. */
static void a_mistake_behind_an_alias_is_told(void **state) {
	assert_rows(&(struct row){DENY
	                          "define: &x {a: ''}\nrules: [{match: {}, unless: *x, action: "
	                          "deny}]\n",
	                          2, 13, "a: unknown field"},
	            1);
	(void)state;
}

static void an_anchor_bomb_costs_nothing(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	char text[2048] = "l0: &l0 [a]\n";
	size_t len = strlen(text);

	(void)state;
	for (int i = 1; i < 10; i++)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len,
			"l%d: &l%d [*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d]\n", i, i, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_int_equal(parse(&problems, bytes_of_text(text)), -EINVAL);
	assert_int_equal(problems.count, 1);
	assert_non_null(strstr(problems.items[0].text, "more than 10000 values or 64 levels by "));
}

/* 1,000 values, used 1,000 times: a million patterns from some kilobytes. */
static void a_bomb_of_definitions_costs_nothing(void **state) {
	struct bytes list = repeat(DENY "define: {a: [x", ",x", 999);
	struct bytes uses = repeat("]}\nrules: [{match: {process_name: [$a", ",$a", 999);
	char *text = malloc(list.len + uses.len + 32);
	size_t len = list.len + uses.len;

	(void)state;
	assert_non_null(text);
	memcpy(text, list.data, list.len);
	memcpy(text + list.len, uses.data, uses.len);
	memcpy(text + len, "]}, action: deny}]", 18);
	free((char *)(uintptr_t)list.data);
	free((char *)(uintptr_t)uses.data);
	assert_refused((struct bytes){(uint8_t *)text, len + 18}, 3, "more than 250000 values");
}

static void problems_beyond_what_anybody_reads_are_counted(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct bytes text = repeat("default_action: deny\nrules: [", "a, ", 1000);
	CLEANUP(free_pointer) const uint8_t *owned = text.data;

	(void)state;
	((char *)(uintptr_t)owned)[text.len - 2] = ']';
	assert_int_equal(parse(&problems, text), -EINVAL);
	assert_int_equal(problems.count, PROBLEMS_MAX);
	assert_int_equal(problems.omitted, 1000 - PROBLEMS_MAX);
}

/* What stands here was written for the older ssh-agent-guard. */
static void a_file_of_the_older_one_loads_and_means_what_it_meant(void **state) {
	static const char text[] =
		"path: [~/bin, /usr/local/bin]\n"
		"capture_extra_env_vars: [LANG]\n"
		"coding_agents:\n"
		"  windsurf: {env: {WINDSURF_ID: \"1\"}, ancestors: [windsurf]}\n"
		"rules:\n"
		"- name: git\n"
		"  match:\n"
		"    cwd: /home/*/src/*/x\n"
		"    parent_process_name: [git, git-remote-https]\n"
		"  action: allow\n"
		"- {name: git, match: {cwd: '~/tmp'}, action: deny}\n";
	static const struct surroundings surroundings = {.home = "/home/a"};
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct policy *policy = NULL;

	(void)state;
	caller.cwd = (char[]){"/home/a/src/b/c/x"};
	/* There, or where it says so, and nowhere else. */
	assert_int_equal(policy_parse(&policy, bytes_of_text(text),
	                              "/c/ssh-agent-guard/policy.yaml", &surroundings, &problems),
	                 -EINVAL);
	problems_deinit(&problems);
	assert_int_equal(policy_parse(&policy, bytes_of_text(text), "/c/ssh-ag/policy.yaml",
	                              &surroundings, &problems),
	                 0);
	assert_string_equal(policy_decide(policy, &request).rule, "git");
	assert_int_equal(policy_decide(policy, &request).action, ACTION_ALLOW);
	caller.cwd = (char[]){"/var/tmp"}; /* a regular expression: anything with /tmp in it */
	assert_int_equal(policy_decide(policy, &request).action, ACTION_DENY);
	caller.cwd = (char[]){"/"};
	assert_string_equal(policy_decide(policy, &request).rule, "default");
	assert_int_equal(policy_decide(policy, &request).action, ACTION_CONFIRM);
	policy_unref(policy);
	/* A version of its own counts more than the place. */
	assert_int_equal(policy_parse(&policy, bytes_of_text("version: 1\nrules: []\n"),
	                              "/c/ssh-ag/policy.yaml", NULL, &problems),
	                 -EINVAL);
	policy = must_parse("version: 0\nrules: []\n");
	assert_int_equal(policy_decide(policy, &request).action, ACTION_CONFIRM);
	policy_unref(policy);
}

static void a_policy_that_uses_all_there_is_loads(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse("version: 1\n"
	                                   "default_action: confirm\n"
	                                   "default_change_action: confirm\n"
	                                   "log: {on_error: allow}\n"
	                                   "rules:\n"
	                                   "- name: all\n"
	                                   "  match:\n"
	                                   "    process_name: [ssh, git-*, '~^s']\n"
	                                   "    exe: [/usr/bin/*, ~/bin/*, '**/ssh']\n"
	                                   "    ancestor: [tmux, /usr/bin/*, '~^/opt']\n"
	                                   "    has_terminal: yes\n"
	                                   "    key: [SHA256:47D, 'SHA256:*a', '~U$']\n"
	                                   "    key_type: ssh-*\n"
	                                   "    operation: [sign, list]\n"
	                                   "    endpoint: default\n"
	                                   "    parent_process_name: git\n"
	                                   "    command: 'ssh *'\n"
	                                   "    cwd: [~/src/*, /srv]\n"
	                                   "    cgroup: '*/app.slice/*'\n"
	                                   "    tmux_window: main:*\n"
	                                   "    env: {CI: 'true', TERM: [xterm, '~^s']}\n"
	                                   "    uid: [1000, '0']\n"
	                                   "    user_presence: [local, unknown]\n"
	                                   "    is_in_container: no\n"
	                                   "    time: [mon-fri 09:00-17:30, sat]\n"
	                                   "  unless: {process_name: \"no\"}\n"
	                                   "  action: allow\n"
	                                   "- {match: {}, action: deny}\n");

	(void)state;
	assert_int_equal(policy_rule_count(policy), 2);
	assert_int_equal(policy_log(policy).on_error, ON_LOG_ERROR_ALLOW);
	assert_string_equal(policy_path(policy), "test.yaml");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_yaml_is_refused_with_its_place),
		cmocka_unit_test(what_is_no_policy_is_refused_with_its_place),
		cmocka_unit_test(a_value_that_says_something_else_is_refused),
		cmocka_unit_test(a_bad_definition_is_refused_with_its_place),
		cmocka_unit_test(a_bomb_of_definitions_costs_nothing),
		cmocka_unit_test(each_field_has_the_name_that_was_promised),
		cmocka_unit_test(every_problem_is_told_at_once_in_the_order_of_the_file),
		cmocka_unit_test(columns_count_characters),
		cmocka_unit_test(a_byte_order_mark_and_foreign_line_ends_are_taken),
		cmocka_unit_test(a_bomb_costs_nothing),
		cmocka_unit_test(what_aliases_stand_for_is_put_in),
		cmocka_unit_test(a_mistake_behind_an_alias_is_told),
		cmocka_unit_test(an_anchor_bomb_costs_nothing),
		cmocka_unit_test(problems_beyond_what_anybody_reads_are_counted),
		cmocka_unit_test(a_file_of_the_older_one_loads_and_means_what_it_meant),
		cmocka_unit_test(a_policy_that_uses_all_there_is_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
