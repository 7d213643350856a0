/* Coding agents: what tells them, what does not, and what a policy can add. */
#include "see.h"

static const char plain[] = "default_action: deny\n";

static struct coding_agents agents_of(const char *policy_text, const struct caller *caller) {
	struct policy *policy = must_parse(policy_text);
	struct request request = known_request(caller);
	struct coding_agents agents = policy_coding_agents(policy, &request);
	static char texts[CODING_AGENTS_MAX][3][64]; /* they outlive the policy */

	for (size_t i = 0; i < agents.count; i++) {
		struct coding_agent *agent = &agents.items[i];

		snprintf(texts[i][0], sizeof(texts[i][0]), "%s", agent->name);
		snprintf(texts[i][1], sizeof(texts[i][1]), "%s", agent->sign);
		agent->name = texts[i][0];
		agent->sign = texts[i][1];
	}
	policy_unref(policy);
	return agents;
}

static void assert_agent(const struct coding_agents *agents, const char *name, const char *kind,
                         const char *sign) {
	assert_true(agents->count > 0);
	assert_string_equal(agents->items[0].name, name);
	assert_string_equal(agents->items[0].kind, kind);
	assert_string_equal(agents->items[0].sign, sign);
	assert_int_equal(coding_agents_any(agents), TRI_YES);
}

/* One whose ancestors have nothing to hide. */
static struct caller readable_caller(void) {
	static char *no_env[] = {NULL};
	static char path[] = "/usr/bin/bash", bash[] = "bash", systemd[] = "systemd";
	static struct process ancestors[2];
	struct caller caller = known_caller();

	ancestors[0] = (struct process){
		.pid = 41, .exe = path, .name = bash, .title = bash, .argv = no_env};
	ancestors[1] = (struct process){
		.pid = 1, .title = systemd, .argv = no_env, .foreign = true};
	caller.ancestors = ancestors;
	caller.env = no_env;
	return caller;
}

static void one_that_shows_no_sign_is_none(void **state) {
	struct caller caller = readable_caller();
	struct coding_agents agents = agents_of(plain, &caller);

	(void)state;
	assert_int_equal(agents.count, 0);
	assert_int_equal(coding_agents_any(&agents), TRI_NO);
}

static void each_kind_of_sign_tells_it_and_is_named(void **state) {
	char *env[] = {(char[]){"TERM=x"}, (char[]){"CLAUDECODE=1"}, NULL};
	char *argv[] = {(char[]){"node"}, (char[]){"--x"},
	                (char[]){"/usr/lib/node_modules/@google/gemini-cli/dist/index.js"}, NULL};
	char *aider[] = {(char[]){"python3"}, (char[]){"/home/a/bin/aider"}, NULL};
	struct caller caller = readable_caller();
	struct coding_agents agents;

	(void)state;
	caller.env = env;
	caller.n_env = 2;
	agents = agents_of(plain, &caller);
	assert_agent(&agents, "claude", "env", "CLAUDECODE");

	caller = readable_caller();
	caller.ancestors[0].name = (char[]){"codex"};
	agents = agents_of(plain, &caller);
	assert_agent(&agents, "codex", "ancestor", "codex");

	caller = readable_caller();
	caller.ancestors[0].exe = (char[]){"/home/a/.local/share/claude/versions/2.0.1"};
	caller.ancestors[0].name = (char[]){"2.0.1"};
	agents = agents_of(plain, &caller);
	assert_agent(&agents, "claude", "exe", "**/claude/versions/*");

	/* A script of an interpreter, by its path and by its name. */
	caller = readable_caller();
	caller.ancestors[0].name = (char[]){"node"};
	caller.ancestors[0].argv = argv;
	caller.ancestors[0].argc = 3;
	agents = agents_of(plain, &caller);
	assert_agent(&agents, "gemini", "exe", "**/@google/gemini-cli/**");

	caller = readable_caller();
	caller.ancestors[0].name = (char[]){"python3"};
	caller.ancestors[0].argv = aider;
	caller.ancestors[0].argc = 2;
	agents = agents_of(plain, &caller);
	assert_agent(&agents, "aider", "ancestor", "aider");

	/* The caller itself, and what it calls itself. */
	caller = readable_caller();
	caller.process.title = (char[]){"claude"};
	agents = agents_of(plain, &caller);
	assert_agent(&agents, "claude", "ancestor", "claude");
}

static void all_that_are_there_are_found_and_rules_see_each(void **state) {
	char *env[] = {(char[]){"CURSOR_TRACE_ID=x"}, (char[]){"CLAUDECODE=1"}, NULL};
	static const struct row rows[] = {
		{"coding_agent: claude", YES},  {"coding_agent: cursor", YES},
		{"coding_agent: 'c*'", YES},    {"coding_agent: codex", NO},
		{"is_coding_agent: true", YES}, {"is_coding_agent: false", NO},
	};
	struct caller caller = readable_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.env = env;
	caller.n_env = 2;
	request.coding_agents = agents_of(plain, &caller);
	assert_int_equal(request.coding_agents.count, 2);
	assert_agent(&request.coding_agents, "claude", "env", "CLAUDECODE");
	assert_string_equal(request.coding_agents.items[1].name, "cursor");
	ASSERT_ROWS(rows, &request);
}

/* "No agent" is certain only where all that could have told one was read. */
static void what_could_not_be_read_may_be_one(void **state) {
	static const struct row rows[] = {
		{"is_coding_agent: true", UNKNOWN},
		{"is_coding_agent: false", UNKNOWN},
		{"coding_agent: claude", UNKNOWN},
	};

	(void)state;
	for (int missing = 0; missing < 8; missing++) {
		struct caller caller = readable_caller();
		struct request request = known_request(&caller);

		switch (missing) {
		case 0: caller.env = NULL; break;
		case 1: caller.ancestors_known = false; break;
		case 2: caller.ancestors[0].name = caller.ancestors[0].exe = NULL; break;
		case 3: caller.ancestors[0].title = NULL; break;
		case 4: caller.ancestors[0].argv = NULL; break;
		case 5: caller.process.argv = NULL; break;
		case 6: caller.integrity = INTEGRITY_FD_INHERITED; break;
		default: caller.process.name = caller.process.exe = NULL;
		}
		request.coding_agents = agents_of(plain, &caller);
		assert_int_equal(request.coding_agents.count, 0);
		ASSERT_ROWS(rows, &request);
	}
}

/* One that is found stays found; another one may be behind it. */
static void one_that_is_told_is_certain_whatever_is_not_known(void **state) {
	static const struct row rows[] = {
		{"is_coding_agent: true", YES},
		{"coding_agent: codex", YES},
		{"coding_agent: claude", UNKNOWN},
	};
	struct caller caller = readable_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.env = NULL;
	caller.ancestors[0].name = (char[]){"codex"};
	request.coding_agents = agents_of(plain, &caller);
	ASSERT_ROWS(rows, &request);
}

static void of_one_that_is_not_identified_nothing_can_be_told(void **state) {
	struct caller caller = readable_caller();
	struct coding_agents agents;

	(void)state;
	caller.state = CALLER_UNKNOWN;
	caller.process.title = (char[]){"claude"};
	agents = agents_of(plain, &caller);
	assert_int_equal(agents.count, 0);
	assert_int_equal(coding_agents_any(&agents), TRI_UNKNOWN);
}

static void a_policy_adds_and_takes_nothing_away(void **state) {
	static const char own[] =
		"default_action: deny\n"
		"define: {mine: [my-agent, 'our-*']}\n"
		"coding_agents:\n"
		"  mine: {ancestors: $mine, exe: /opt/mine/*, env: {MINE: [a, b]}}\n"
		"  claude: {env: {OTHER: '*'}}\n";
	char *env[] = {(char[]){"OTHER=1"}, NULL};
	struct caller caller = readable_caller();
	struct coding_agents agents;

	(void)state;
	caller.ancestors[0].name = (char[]){"our-coder"};
	agents = agents_of(own, &caller);
	assert_agent(&agents, "mine", "ancestor", "our-*");

	caller = readable_caller();
	caller.env = env;
	caller.n_env = 1;
	agents = agents_of(own, &caller);
	assert_agent(&agents, "claude", "env", "OTHER");

	caller.env[0] = (char[]){"CLAUDECODE=1"};
	agents = agents_of(own, &caller);
	assert_agent(&agents, "claude", "env", "CLAUDECODE");
}

static bool asks_for(const struct policy *policy, const char *name) {
	size_t n_names, n_found = 0;
	const char *const *names = policy_env_names(policy, &n_names);

	for (size_t i = 0; i < n_names; i++)
		n_found += strcmp(names[i], name) == 0;
	assert_true(n_found <= 1);
	return n_found == 1;
}

static void all_variables_that_anything_needs_are_asked_for(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse("default_action: deny\n"
	                                   "capture_extra_env_vars: [LANG, 'LC_*']\n"
	                                   "coding_agents: {mine: {env: {MINE: '*'}}}\n"
	                                   "rules:\n"
	                                   "- {match: {env: {CI: 'true', MINE: x}}, unless: {env: "
	                                   "{NOT_CI: v}}, action: deny}\n");
	CLEANUP(free_policy) struct policy *none = NULL;

	(void)state;
	assert_true(asks_for(policy, "LANG"));
	assert_true(asks_for(policy, "LC_*"));
	assert_true(asks_for(policy, "MINE"));
	assert_true(asks_for(policy, "CI"));
	assert_true(asks_for(policy, "NOT_CI"));
	assert_true(asks_for(policy, "CLAUDECODE"));
	assert_false(asks_for(policy, "HOME"));
	/* Agents are told without a policy file, too. */
	assert_int_equal(policy_new_default(&none), 0);
	assert_true(asks_for(none, "CLAUDECODE"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_shows_no_sign_is_none),
		cmocka_unit_test(each_kind_of_sign_tells_it_and_is_named),
		cmocka_unit_test(all_that_are_there_are_found_and_rules_see_each),
		cmocka_unit_test(what_could_not_be_read_may_be_one),
		cmocka_unit_test(one_that_is_told_is_certain_whatever_is_not_known),
		cmocka_unit_test(of_one_that_is_not_identified_nothing_can_be_told),
		cmocka_unit_test(a_policy_adds_and_takes_nothing_away),
		cmocka_unit_test(all_variables_that_anything_needs_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
