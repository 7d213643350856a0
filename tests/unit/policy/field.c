/* Each field, by tables: what a value fits, what it does not, and what it does with the unknown. */
#include "see.h"

#include <stdlib.h>

static void process_name_is_that_of_the_executable(void **state) {
	static const struct row rows[] = {
		{"process_name: ssh", YES},       {"process_name: SSH", NO},
		{"process_name: ss", NO},         {"process_name: 's?h'", YES},
		{"process_name: 's*'", YES},      {"process_name: '~^s{2}h$'", YES},
		{"process_name: '~^h'", NO},      {"process_name: [git, ssh]", YES},
		{"process_name: [git, scp]", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	ASSERT_ROWS(rows, &request);
}

static void what_a_process_calls_itself_never_allows(void **state) {
	static const struct row rows[] = {
		{"process_name: evil", YES},    {"process_name: ssh", CLAIMED}, /* its title */
		{"process_name: git", CLAIMED},                                 /* its argv[0] */
		{"process_name: scp", NO},      {"process_name: '~^(ssh|scp)$'", CLAIMED},
		{"process_name: x", NO}, /* an argument, but of no interpreter */
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char *argv[] = {(char[]){"/usr/bin/git"}, (char[]){"/opt/x"}, NULL};

	(void)state;
	caller.process.exe = (char[]){"/tmp/evil"};
	caller.process.name = (char[]){"evil"};
	caller.process.argv = argv;
	ASSERT_ROWS(rows, &request);
}

static void a_script_is_a_claim_of_its_interpreter(void **state) {
	static const struct row rows[] = {
		{"process_name: python3.11", YES},
		{"process_name: claude", CLAIMED},
		{"process_name: opt", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char *argv[] = {(char[]){"python3.11"}, (char[]){"-u"}, (char[]){"/opt/claude"}, NULL};
	char *inline_argv[] = {(char[]){"python3.11"}, (char[]){"-c"}, (char[]){"claude"}, NULL};

	(void)state;
	caller.process.exe = (char[]){"/usr/bin/python3.11"};
	caller.process.name = (char[]){"python3.11"};
	caller.process.title = NULL;
	caller.process.argv = argv;
	caller.process.argc = 3;
	ASSERT_ROWS(rows, &request);
	caller.process.argv = inline_argv;
	assert_int_equal(see("process_name: claude", &request), NO);
}

static void a_login_shell_is_called_by_its_name(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char *argv[] = {(char[]){"-zsh"}, NULL};

	(void)state;
	caller.process.argv = argv;
	caller.process.argc = 1;
	assert_int_equal(see("process_name: zsh", &request), CLAIMED);
}

static void exe_is_a_path(void **state) {
	static const struct row rows[] = {
		{"exe: /usr/bin/ssh", YES},
		{"exe: /usr/bin/ss", NO},
		{"exe: /usr/bin/sshd", NO},
		{"exe: /usr/*/ssh", YES},
		{"exe: '/*/ssh'", NO},
		{"exe: '/**/ssh'", YES},
		{"exe: '**/ssh'", YES},
		{"exe: '/usr/*'", YES},
		{"exe: '~/*'", NO},
		{"exe: '~^/usr/bin/'", YES},
		{"exe: [/bin/a, /usr/bin/ssh]", YES},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	ASSERT_ROWS(rows, &request);
	caller.process.exe = (char[]){"/home/a/bin/deep/x"};
	assert_int_equal(see("exe: ~/bin/*", &request), YES);
	assert_int_equal(see("exe: ~/*/x", &request), NO);
	assert_int_equal(see("exe: ~/**/x", &request), YES);
}

static void an_unknown_executable_is_unknown_and_not_another(void **state) {
	static const struct row rows[] = {
		{"process_name: ssh", UNKNOWN}, {"process_name: git", UNKNOWN},
		{"exe: /usr/bin/ssh", UNKNOWN}, {"exe: '/**'", UNKNOWN},
		{"has_terminal: true", YES},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.process.exe = NULL;
	caller.process.name = NULL;
	ASSERT_ROWS(rows, &request);
	assert_string_equal(decide_rule("deny", "exe: /a", &request).missing, "exe");
	assert_string_equal(decide_rule("allow", "process_name: a", &request).missing,
	                    "process_name");
}

static void an_ancestor_is_any_of_them(void **state) {
	static const struct row rows[] = {
		{"ancestor: git", YES},          {"ancestor: python3.11", YES},
		{"ancestor: ssh", NO}, /* the caller itself is none */
		{"ancestor: /usr/bin/git", YES}, {"ancestor: /usr/bin/gi", NO},
		{"ancestor: '/usr/*'", YES},     {"ancestor: '**/git'", YES},
		{"ancestor: '~^git$'", YES},     {"ancestor: '~^/usr/bin/git$'", YES},
		{"ancestor: agent", CLAIMED},    /* a title */
		{"ancestor: coder.py", CLAIMED}, /* a script */
		{"ancestor: python3", CLAIMED},  /* argv[0] */
		{"ancestor: '**/coder.py'", NO}, /* no path of an executable */
		{"ancestor: [tmux, git]", YES},  {"ancestor: [tmux, agent]", CLAIMED},
		{"ancestor: [agent, git]", YES}, {"ancestor: tmux", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	ASSERT_ROWS(rows, &request);
}

static void an_ancestor_that_cannot_be_read_may_be_anybody(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct process ancestors[2] = {caller.ancestors[0], {.pid = 7}};

	(void)state;
	caller.ancestors_known = false;
	assert_int_equal(see("ancestor: git", &request), YES);
	assert_int_equal(see("ancestor: tmux", &request), UNKNOWN);
	assert_int_equal(see("ancestor: agent", &request), UNKNOWN);
	caller.ancestors_known = true;
	caller.ancestors = ancestors;
	assert_int_equal(see("ancestor: git", &request), YES);
	assert_int_equal(see("ancestor: tmux", &request), UNKNOWN);
	assert_int_equal(see("ancestor: /usr/bin/tmux", &request), UNKNOWN);
	caller.n_ancestors = 0;
	assert_int_equal(see("ancestor: '*'", &request), NO);
}

/* The first process and sshd stand above everybody, and nobody but root can read what they run. */
static void an_ancestor_of_another_user_is_what_it_calls_itself(void **state) {
	static const struct row rows[] = {
		{"ancestor: git", YES},
		{"ancestor: tmux", NO},
		{"ancestor: sshd", CLAIMED},
		{"ancestor: /usr/sbin/sshd", UNKNOWN},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct process ancestors[2] = {caller.ancestors[0],
	                               {.pid = 7, .title = (char[]){"sshd"}, .foreign = true}};

	(void)state;
	caller.ancestors = ancestors;
	ASSERT_ROWS(rows, &request);
	caller.ancestors = &ancestors[1];
	caller.n_ancestors = 1;
	assert_int_equal(see("parent_process_name: sshd", &request), CLAIMED);
	assert_int_equal(see("parent_process_name: tmux", &request), NO);
}

static void has_terminal_is_yes_no_or_unknown(void **state) {
	static const struct {
		enum tri fact;
		struct row rows[4];
	} facts[] = {
		{TRI_YES,
	         {{"has_terminal: true", YES},
	          {"has_terminal: yes", YES},
	          {"has_terminal: false", NO},
	          {"has_terminal: [true, false]", YES}}},
		{TRI_NO,
	         {{"has_terminal: true", NO},
	          {"has_terminal: off", YES},
	          {"has_terminal: false", YES},
	          {"has_terminal: [false, true]", YES}}},
		{TRI_UNKNOWN,
	         {{"has_terminal: true", UNKNOWN},
	          {"has_terminal: no", UNKNOWN},
	          {"has_terminal: false", UNKNOWN},
	          {"has_terminal: [true, false]", UNKNOWN}}},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		caller.has_terminal = facts[i].fact;
		ASSERT_ROWS(facts[i].rows, &request);
	}
}

static void a_key_is_named_by_its_fingerprint_or_its_beginning(void **state) {
	static const struct row rows[] = {
		{"key: " FINGERPRINT, YES},
		{"key: SHA256:47DEQ", YES},
		{"key: SHA256:47DEq", NO},
		{"key: SHA256:57DEQ", NO},
		{"key: 'SHA256:*hSuFU'", YES},
		{"key: 'SHA256:*hSuF'", NO},
		{"key: '*'", YES},
		{"key: '?HA256:47D*'", YES},
		{"key: '~hSuFU$'", YES},
		{"key: [SHA256:abc, SHA256:47D]", YES},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	ASSERT_ROWS(rows, &request);
}

static void a_key_type_fits_the_certificate_of_such_a_key(void **state) {
	static const struct {
		const char *type;
		const char *match;
		enum seen seen;
	} rows[] = {
		{"ssh-ed25519", "key_type: ssh-ed25519", YES},
		{"ssh-ed25519", "key_type: 'ssh-*'", YES},
		{"ssh-ed25519", "key_type: 'sk-*'", NO},
		{"ssh-ed25519", "key_type: '*-cert-*'", NO},
		{"ssh-ed25519-cert-v01@openssh.com", "key_type: ssh-ed25519", YES},
		{"ssh-ed25519-cert-v01@openssh.com", "key_type: '*-cert-*'", YES},
		{"ssh-ed25519-cert-v01@openssh.com", "key_type: ssh-rsa", NO},
		{"sk-ssh-ed25519@openssh.com", "key_type: 'sk-*'", YES},
		{"sk-ssh-ed25519-cert-v01@openssh.com", "key_type: sk-ssh-ed25519@openssh.com",
	         YES},
		{"-cert-v01@openssh.com", "key_type: ssh-rsa", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(request.key.type, sizeof(request.key.type), "%s", rows[i].type);
		if (see(rows[i].match, &request) != rows[i].seen)
			print_message("# %s: %s\n", rows[i].type, rows[i].match);
		assert_int_equal(see(rows[i].match, &request), rows[i].seen);
	}
}

/* A rule for a key on an operation: whether a deny fits where the message names no key. */
static void a_key_that_is_not_named_is_unknown_where_one_is_touched(void **state) {
	static const struct {
		enum operation operation;
		bool denied;
	} rows[] = {
		{OPERATION_SIGN, true},          {OPERATION_ADD, true},
		{OPERATION_REMOVE, true},        {OPERATION_REMOVE_ALL, true},
		{OPERATION_ADD_SMARTCARD, true}, {OPERATION_REMOVE_SMARTCARD, true},
		{OPERATION_EXTENSION, true},     {OPERATION_UNKNOWN, true},
		{OPERATION_LIST, false},         {OPERATION_LOCK, false},
		{OPERATION_UNLOCK, false},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.key = (struct key_facts){0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char match[128];

		request.operation = rows[i].operation;
		for (int j = 0; j < 2; j++) {
			snprintf(match, sizeof(match), "operation: %s, %s",
			         operation_name(rows[i].operation),
			         j == 0 ? "key: SHA256:abc" : "key_type: ssh-rsa");
			assert_int_equal(rule_fits("deny", match, &request), rows[i].denied);
			assert_false(rule_fits("allow", match, &request));
		}
	}
}

static void each_operation_fits_its_own_name_alone(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	for (int named = 0; named < OPERATION_COUNT; named++)
		for (int asked = 0; asked < OPERATION_COUNT; asked++) {
			char match[64];

			snprintf(match, sizeof(match), "operation: [%s]",
			         operation_name((enum operation)named));
			request.operation = (enum operation)asked;
			assert_int_equal(rule_fits("confirm", match, &request), named == asked);
		}
}

static void an_endpoint_is_a_pattern(void **state) {
	static const struct row rows[] = {
		{"endpoint: default", NO},
		{"endpoint: build", YES},
		{"endpoint: 'bu*'", YES},
		{"endpoint: [default, '~^b']", YES},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.endpoint = "build";
	ASSERT_ROWS(rows, &request);
	request.endpoint = NULL;
	assert_int_equal(see("endpoint: '*'", &request), UNKNOWN);
}

static void of_a_caller_that_is_not_identified_nothing_is_known(void **state) {
	static const struct row rows[] = {
		{"process_name: ssh", UNKNOWN},   {"exe: /usr/bin/ssh", UNKNOWN},
		{"ancestor: git", UNKNOWN},       {"has_terminal: true", UNKNOWN},
		{"has_terminal: false", UNKNOWN}, {"ancestor: nobody", UNKNOWN},
	};
	static const struct row of_request[] = {
		{"endpoint: b, key: SHA256:47D", YES},
		{"endpoint: b, key: SHA256:abc", NO},
		{"endpoint: b, operation: sign", YES},
		{"endpoint: b, exe: /usr/bin/ssh", UNKNOWN},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.endpoint = "b";
	caller.state = CALLER_UNKNOWN;
	/* see() allows by default, which is not for this caller. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verdict deny = decide_rule("deny", rows[i].match, &request);

		assert_string_equal(deny.rule, "rule-1");
		assert_non_null(deny.missing);
		assert_false(rule_fits("allow", rows[i].match, &request));
	}
	for (size_t i = 0; i < sizeof(of_request) / sizeof(of_request[0]); i++) {
		assert_int_equal(rule_fits("allow", of_request[i].match, &request),
		                 of_request[i].seen == YES);
		assert_int_equal(rule_fits("deny", of_request[i].match, &request),
		                 of_request[i].seen != NO);
	}
}

static void all_fields_of_a_match_must_hold(void **state) {
	static const struct row rows[] = {
		{"", YES},
		{"exe: /usr/bin/ssh, key: SHA256:47D", YES},
		{"exe: /usr/bin/ssh, key: SHA256:abc", NO},
		{"exe: /bin/other, key: SHA256:47D", NO},
		{"has_terminal: true, key: SHA256:47D", UNKNOWN},
		{"has_terminal: true, key: SHA256:abc", NO},
		{"ancestor: agent, key: SHA256:47D", CLAIMED},
		/* With a claim an allow can do nothing, whatever the unknown fact is. */
		{"ancestor: agent, has_terminal: true", CLAIMED},
		{"has_terminal: true, ancestor: agent", CLAIMED},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.has_terminal = TRI_UNKNOWN;
	ASSERT_ROWS(rows, &request);
}

static void a_defined_name_stands_for_its_values(void **state) {
	static const struct {
		const char *exe;
		enum action action;
	} rows[] = {
		{"/a", ACTION_ALLOW}, {"/b", ACTION_ALLOW}, {"/c", ACTION_ALLOW},
		{"/d", ACTION_ALLOW}, {"/e", ACTION_DENY},  {"$one", ACTION_DENY},
	};
	/* Used before it is defined, alone and in a list. */
	CLEANUP(free_policy)
	struct policy *policy = must_parse(
		"rules: [{match: {exe: [$two, /c, $one]}, action: allow}]\n"
		"define: {one: /d, two: [/a, /b], three: /e}\n"
		"default_action: deny\n");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char exe[8];

		snprintf(exe, sizeof(exe), "%s", rows[i].exe);
		caller.process.exe = exe;
		assert_int_equal(policy_decide(policy, &request).action, rows[i].action);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_name_is_that_of_the_executable),
		cmocka_unit_test(what_a_process_calls_itself_never_allows),
		cmocka_unit_test(a_script_is_a_claim_of_its_interpreter),
		cmocka_unit_test(a_login_shell_is_called_by_its_name),
		cmocka_unit_test(exe_is_a_path),
		cmocka_unit_test(an_unknown_executable_is_unknown_and_not_another),
		cmocka_unit_test(an_ancestor_is_any_of_them),
		cmocka_unit_test(an_ancestor_that_cannot_be_read_may_be_anybody),
		cmocka_unit_test(an_ancestor_of_another_user_is_what_it_calls_itself),
		cmocka_unit_test(has_terminal_is_yes_no_or_unknown),
		cmocka_unit_test(a_key_is_named_by_its_fingerprint_or_its_beginning),
		cmocka_unit_test(a_key_type_fits_the_certificate_of_such_a_key),
		cmocka_unit_test(a_key_that_is_not_named_is_unknown_where_one_is_touched),
		cmocka_unit_test(each_operation_fits_its_own_name_alone),
		cmocka_unit_test(an_endpoint_is_a_pattern),
		cmocka_unit_test(of_a_caller_that_is_not_identified_nothing_is_known),
		cmocka_unit_test(all_fields_of_a_match_must_hold),
		cmocka_unit_test(a_defined_name_stands_for_its_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
