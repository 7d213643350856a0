/* The fields of the caller's surroundings, by tables: see field.c. */
#include "see.h"

#include "policy/pattern.h"

static void a_parent_is_the_nearest_ancestor_and_no_other(void **state) {
	static const struct row rows[] = {
		{"parent_process_name: git", YES},
		{"parent_process_name: 'g*'", YES},
		{"parent_process_name: [make, git]", YES},
		{"parent_process_name: python3.11", NO},
		{"parent_process_name: ssh", NO},
		{"parent_process_name: hub", CLAIMED}, /* its title */
	};
	static const struct row none[] = {{"parent_process_name: '*'", NO}};
	static const struct row unknown[] = {{"parent_process_name: git", UNKNOWN}};
	struct process parents[] = {git_and_python[0], git_and_python[1]};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	parents[0].title = (char[]){"hub"};
	caller.ancestors = parents;
	ASSERT_ROWS(rows, &request);
	parents[0].name = NULL;
	ASSERT_ROWS(unknown, &request);
	caller.n_ancestors = 0;
	ASSERT_ROWS(none, &request);
	caller.ancestors_known = false;
	ASSERT_ROWS(unknown, &request);
}

static void a_command_is_its_arguments_with_blanks_between(void **state) {
	static const struct row rows[] = {
		{"command: ssh host", YES},   {"command: ssh", NO},
		{"command: 'ssh *'", YES},    {"command: '*host'", YES},
		{"command: '~^ssh +h'", YES}, {"command: [scp, 'ssh hos?']", YES},
		{"command: 'SSH host'", NO},
	};
	static const struct row unknown[] = {{"command: '*'", UNKNOWN}, {"command: x", UNKNOWN}};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	ASSERT_ROWS(rows, &request);
	caller.integrity = INTEGRITY_FD_INHERITED; /* another program may have written */
	ASSERT_ROWS(unknown, &request);
	caller.integrity = 0;
	caller.process.argv_cut = true;
	ASSERT_ROWS(unknown, &request);
	caller.process.argv_cut = false;
	caller.process.argv = NULL;
	caller.process.argc = 0;
	ASSERT_ROWS(unknown, &request);
}

/* Whoever is asked about must not be refused by making a claim long. */
static void a_claim_that_is_too_long_is_unknown_and_no_limit(void **state) {
	static const struct row rows[] = {
		{"command: '*x'", UNKNOWN},
		{"command: zz", UNKNOWN},
		{"env: {A: '*x'}", UNKNOWN},
		{"env: {A: zz}", UNKNOWN},
	};
	static char long_text[PATTERN_TEXT_MAX + 4];
	char *argv[] = {long_text, NULL};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	memcpy(long_text, "A=", 2);
	caller.process.argv = caller.env = argv;
	caller.process.argc = caller.n_env = 1;
	ASSERT_ROWS(rows, &request);
	long_text[PATTERN_TEXT_MAX] = '\0'; /* as long as it may be */
	assert_int_equal(see("command: 'A=*x'", &request), YES);
}

static void a_working_directory_is_a_path(void **state) {
	static const struct row rows[] = {
		{"cwd: /home/a/src/x", YES},
		{"cwd: ~/src/x", YES},
		{"cwd: ~/src/*", YES},
		{"cwd: ~/*", YES},
		{"cwd: ~/src", NO},
		{"cwd: '/home/*/x'", NO},
		{"cwd: '/home/**/x'", YES},
		{"cwd: '/home/*/src/x'", YES},
		{"cwd: '~^/home/a/'", YES},
		{"cwd: [/srv, ~/src/x]", YES},
		{"cwd: /", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.cwd = (char[]){"/home/a/src/x"};
	ASSERT_ROWS(rows, &request);
	caller.cwd = NULL;
	assert_int_equal(see("cwd: '**'", &request), UNKNOWN);
}

static void in_a_cgroup_a_star_crosses(void **state) {
	static const struct row rows[] = {
		{"cgroup: '/user.slice/*'", YES}, {"cgroup: '*/app.slice/*'", YES},
		{"cgroup: '/user*.scope'", YES},  {"cgroup: '*/build-?.scope'", YES},
		{"cgroup: '*.service'", NO},      {"cgroup: /user.slice", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.cgroup = (char[]){"/user.slice/user-1000.slice/app.slice/build-7.scope"};
	ASSERT_ROWS(rows, &request);
	caller.cgroup = NULL;
	assert_int_equal(see("cgroup: '*'", &request), UNKNOWN);
}

static void no_window_is_no_window_whatever_the_pattern(void **state) {
	static const struct row rows[] = {
		{"tmux_window: main:vi", YES},
		{"tmux_window: 'main:*'", YES},
		{"tmux_window: vi", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.tmux_window = (char[]){"main:vi"};
	ASSERT_ROWS(rows, &request);
	caller.tmux_window = (char[]){""};
	assert_int_equal(see("tmux_window: '*'", &request), NO);
	assert_int_equal(see("tmux_window: '~^$'", &request), NO);
	caller.tmux_window = NULL;
	assert_int_equal(see("tmux_window: '*'", &request), UNKNOWN);
}

static void an_unset_variable_is_not_an_empty_one(void **state) {
	static const struct row rows[] = {
		{"env: {CI: 'true'}", YES},
		{"env: {CI: '*'}", YES},
		{"env: {CI: 'yes'}", NO},
		{"env: {C: '*'}", NO},
		{"env: {CIX: '*'}", NO},
		{"env: {EMPTY: '*'}", YES},
		{"env: {EMPTY: '~^$'}", YES},
		{"env: {UNSET: '*'}", NO},
		{"env: {UNSET: '~^$'}", NO},
		{"env: {CI: 'true', EMPTY: '*'}", YES},
		{"env: {CI: 'true', UNSET: '*'}", NO},
		{"env: {CI: [a, 'tr*']}", YES},
	};
	static const struct row unknown[] = {{"env: {CI: 'true'}", UNKNOWN},
	                                     {"env: {UNSET: '*'}", UNKNOWN}};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char *env[] = {(char[]){"CI=true"}, (char[]){"EMPTY="}, NULL};

	(void)state;
	caller.env = env;
	caller.n_env = 2;
	ASSERT_ROWS(rows, &request);
	caller.integrity = INTEGRITY_FD_INHERITED;
	ASSERT_ROWS(unknown, &request);
	caller.integrity = 0;
	caller.env = NULL;
	caller.n_env = 0;
	ASSERT_ROWS(unknown, &request);
}

static void a_user_is_a_number(void **state) {
	static const struct row rows[] = {
		{"uid: 1000", YES}, {"uid: '1000'", YES},    {"uid: 100", NO},
		{"uid: 0", NO},     {"uid: [0, 1000]", YES},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	ASSERT_ROWS(rows, &request);
	caller.uid = (uid_t)-1;
	assert_int_equal(see("uid: 1000", &request), UNKNOWN);
}

static void a_presence_that_is_not_known_may_be_any(void **state) {
	static const struct row local[] = {
		{"user_presence: local", YES},
		{"user_presence: [remote, locked]", NO},
		{"user_presence: unknown", NO},
		{"user_presence: [local, unknown]", YES},
	};
	static const struct row unknown[] = {
		{"user_presence: local", UNKNOWN},
		{"user_presence: [remote, locked]", UNKNOWN},
		{"user_presence: unknown", YES},
		{"user_presence: [local, unknown]", YES},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.presence = PRESENCE_LOCAL;
	ASSERT_ROWS(local, &request);
	caller.presence_evidence = "logind";
	ASSERT_ROWS(local, &request);
	caller.presence_evidence = "environment";
	assert_int_equal(see("user_presence: local", &request), CLAIMED);
	assert_int_equal(see("user_presence: remote", &request), NO);
	caller.presence_evidence = NULL;
	caller.presence = PRESENCE_UNKNOWN;
	ASSERT_ROWS(unknown, &request);
}

static void a_container_has_processes_of_its_own(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	assert_int_equal(see("is_in_container: false", &request), YES);
	caller.apart = APART_NET | APART_MNT;
	assert_int_equal(see("is_in_container: true", &request), NO);
	caller.apart_unknown = APART_PID;
	assert_int_equal(see("is_in_container: true", &request), UNKNOWN);
	assert_int_equal(see("is_in_container: false", &request), UNKNOWN);
	caller.apart = APART_PID;
	assert_int_equal(see("is_in_container: true", &request), YES);
	assert_int_equal(see("is_in_container: false", &request), NO);
}

static void the_time_is_when_it_is_decided(void **state) {
	static const struct row rows[] = {
		{"time: mon-fri 09:00-17:30", YES}, {"time: mon-fri", YES},
		{"time: '09:00-09:31'", YES},       {"time: 'sat,sun'", NO},
		{"time: [sat, tue]", YES},          {"time: 09:31-10:00", NO},
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	request.time = (struct clock_moment){true, 1, 9 * 60 + 30};
	ASSERT_ROWS(rows, &request);
	request.time = (struct clock_moment){0};
	assert_int_equal(see("time: mon-sun", &request), UNKNOWN);
}

static void of_a_caller_that_is_not_identified_no_surroundings_are_known(void **state) {
	static const char *const matches[] = {
		"parent_process_name: sh",
		"command: ssh host",
		"cwd: /",
		"cgroup: /",
		"tmux_window: x",
		"env: {CI: 'true'}",
		"user_presence: local",
		"is_in_container: false",
	};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.state = CALLER_UNKNOWN;
	caller.presence = PRESENCE_LOCAL;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		assert_false(rule_fits("allow", matches[i], &request));
		assert_true(rule_fits("deny", matches[i], &request));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parent_is_the_nearest_ancestor_and_no_other),
		cmocka_unit_test(a_command_is_its_arguments_with_blanks_between),
		cmocka_unit_test(a_claim_that_is_too_long_is_unknown_and_no_limit),
		cmocka_unit_test(a_working_directory_is_a_path),
		cmocka_unit_test(in_a_cgroup_a_star_crosses),
		cmocka_unit_test(no_window_is_no_window_whatever_the_pattern),
		cmocka_unit_test(an_unset_variable_is_not_an_empty_one),
		cmocka_unit_test(a_user_is_a_number),
		cmocka_unit_test(a_presence_that_is_not_known_may_be_any),
		cmocka_unit_test(a_container_has_processes_of_its_own),
		cmocka_unit_test(the_time_is_when_it_is_decided),
		cmocka_unit_test(of_a_caller_that_is_not_identified_no_surroundings_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
