/* What tests of policies share: a caller and a request about whom all is known, and shorthand. */
#ifndef TESTS_UNIT_POLICY_FIXTURE_H
#define TESTS_UNIT_POLICY_FIXTURE_H

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

#define FINGERPRINT "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

#define DEST_KEY "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"

static char *python_argv[] = {(char[]){"python3"}, (char[]){"-u"}, (char[]){"/opt/coder.py"}, NULL};

static struct process git_and_python[] = {
	{.pid = 41,
         .exe = (char[]){"/usr/bin/git"},
         .name = (char[]){"git"},
         .title = (char[]){"git"}},
	{.pid = 40,
         .exe = (char[]){"/usr/bin/python3.11"},
         .name = (char[]){"python3.11"},
         .title = (char[]){"agent"},
         .argv = python_argv,
         .argc = 3},
};

static char ssh_exe[] = "/usr/bin/ssh", ssh_argv_0[] = "ssh", ssh_argv_1[] = "host";
static char *ssh_argv[] = {ssh_argv_0, ssh_argv_1, NULL};

/* ssh, started by git, started by a python script that calls itself "agent". */
static inline struct caller known_caller(void) {
	return (struct caller){
		.state = CALLER_IDENTIFIED,
		.uid = 1000,
		.gid = 1000,
		.process = {.pid = 42,
	                    .start_ticks = 1,
	                    .exe = ssh_exe,
	                    .name = ssh_argv_0,
	                    .title = ssh_argv_0,
	                    .argv = ssh_argv,
	                    .argc = 2},
		.has_terminal = TRI_YES,
		.ancestors = git_and_python,
		.n_ancestors = 2,
		.ancestors_known = true,
	};
}

/* A login on a host that is proved, over no forwarded agent. */
static const struct payload known_login = {
	.kind = PAYLOAD_SSH_LOGIN,
	.len = 228,
	.login = {.user = {(const uint8_t *)"alice", 5}, .hostbound = true},
};
static struct session_hop known_hop = {.fingerprint = DEST_KEY};
static struct session_hop *known_hops[] = {&known_hop};
static const struct session known_session = {.hops = known_hops, .n_hops = 1};

static inline struct request known_request(const struct caller *caller) {
	return (struct request){
		.operation = OPERATION_SIGN,
		.key = {.fingerprint = FINGERPRINT, .type = "ssh-ed25519"},
		.caller = caller,
		.endpoint = "default",
		.payload = &known_login,
		.session = &known_session,
		.is_forwarded = TRI_NO,
		.meeting = MEETING_VERIFIED,
		.dest_key = DEST_KEY,
	};
}

static inline void print_problems(const struct problems *problems) {
	for (size_t i = 0; i < problems->count; i++)
		print_message("# %s:%zu:%zu: %s\n", problems->items[i].file,
		              problems->items[i].line, problems->items[i].column,
		              problems->items[i].text);
}

/* Fails the test where the text is no policy. */
static inline struct policy *must_parse(const char *text) {
	static const struct surroundings surroundings = {.home = "/home/a"};
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;
	int error = policy_parse(&policy, bytes_of_text(text), "test.yaml", &surroundings,
	                         &problems);

	print_problems(&problems);
	if (error < 0)
		print_message("# in: %s\n", text);
	assert_int_equal(error, 0);
	return policy;
}

static inline void free_policy(struct policy **policy) {
	policy_unref(*policy);
}

/* The default is what no rule of these tests says, so that a fit is seen. */
static inline struct verdict decide_rule(const char *action, const char *match,
                                         const struct request *request) {
	char text[4096];
	struct verdict verdict;
	CLEANUP(free_policy) struct policy *policy = NULL;

	snprintf(text, sizeof(text), "default_action: %s\nrules:\n- match: {%s}\n  action: %s\n",
	         strcmp(action, "allow") == 0 ? "deny" : "allow", match, action);
	policy = must_parse(text);
	verdict = policy_decide(policy, request);
	verdict.rule = strcmp(verdict.rule, "rule-1") == 0 ? "rule-1" : "default";
	return verdict;
}

static inline bool rule_fits(const char *action, const char *match, const struct request *request) {
	struct verdict verdict = decide_rule(action, match, request);

	return strcmp(verdict.rule, "rule-1") == 0;
}

#endif
