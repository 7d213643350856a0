/* What was allowed becomes rules, no wider than what was done; what was denied never does. */
#include "unit.h"

#include "../policy/fixture.h"

#include "describe/suggest.h"
#include "log/chain.h"
#include "log/event_yaml.h"
#include "policy/lint.h"

#define LOG_MAX 64

/* A log in memory. */
struct sample {
	struct buffer documents[LOG_MAX];
	size_t count;
	struct caller caller;
	struct request request;
	struct payload payload;
	struct destination destination;
	char *name;
};

static void sample_init(struct sample *sample) {
	memset(sample, 0, sizeof(*sample));
	sample->caller = known_caller();
	sample->request = known_request(&sample->caller);
	sample->payload = known_login;
	sample->request.payload = &sample->payload;
	sample->request.coding_agents.complete = true;
}

static void sample_deinit(struct sample *sample) {
	for (size_t i = 0; i < sample->count; i++)
		buffer_deinit(&sample->documents[i]);
}

static char *text(const char *literal) {
	return (char *)(uintptr_t)literal;
}

static void add(struct sample *sample, const char *decision, const char *reason) {
	const struct event event = {.real_us = INT64_C(1795410023123456),
	                            .trigger = operation_name(sample->request.operation),
	                            .decision = decision,
	                            .reason = reason,
	                            .request = &sample->request};
	const struct chain_link link = {.seq = sample->count + 1};

	assert_true(sample->count < LOG_MAX);
	assert_int_equal(event_yaml_linked(&sample->documents[sample->count++], &event, &link), 0);
}

static void set_user(struct sample *sample, const char *user) {
	sample->payload.login.user = bytes_of_text(user);
}

static void set_name(struct sample *sample, const char *ssh_dest) {
	sample->name = strchr(text(ssh_dest), '@') + 1;
	sample->destination = (struct destination){
		.ssh_dest = text(ssh_dest),
		.host = {.names = &sample->name, .n_names = 1, .more = MORE_NAMES_NONE},
		.evidence = DEST_EVIDENCE_VERIFIED,
		.is_known = TRI_YES};
	sample->request.destination = &sample->destination;
}

static void each(struct sample *sample, struct suggest *suggest, bool objecting) {
	for (size_t i = 0; i < sample->count; i++) {
		struct recalled *recalled = NULL;

		assert_int_equal(recalled_new(&recalled, buffer_bytes(&sample->documents[i])), 0);
		assert_int_equal(objecting ? suggest_object(suggest, recalled)
		                           : suggest_take(suggest, recalled),
		                 0);
		recalled_free(recalled);
	}
}

/* A text that the caller frees; it loads, and lint has nothing to say. */
static char *suggestion(struct sample *sample, size_t n_rules) {
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	CLEANUP(problems_deinit) struct problems findings = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;
	struct suggest *suggest = NULL;

	assert_int_equal(suggest_new(&suggest), 0);
	each(sample, suggest, false);
	assert_int_equal(suggest_settle(suggest), 0);
	each(sample, suggest, true);
	assert_int_equal(suggest_count(suggest), n_rules);
	assert_int_equal(suggest_write(&yaml, suggest), 0);
	suggest_free(suggest);
	buffer_put_u8(&yaml, 0);
	policy = must_parse((const char *)yaml.data);
	policy_lint(policy, &findings, &findings);
	print_problems(&findings);
	assert_int_equal(findings.count, 0);
	assert_int_equal(policy_rule_count(policy), n_rules);
	return strdup((const char *)yaml.data);
}

static enum action decide(const char *yaml, const struct sample *sample) {
	CLEANUP(free_policy) struct policy *policy = must_parse(yaml);

	return policy_decide(policy, &sample->request).action;
}

static void what_was_done_is_allowed_and_nothing_else(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	add(&sample, "allow", NULL);
	add(&sample, "confirmed", NULL);
	yaml = suggestion(&sample, 1);
	assert_non_null(strstr(yaml, "# 2 signatures: events 1, 2\n"));
	assert_int_equal(decide(yaml, &sample), ACTION_ALLOW);
	sample.caller.process.exe = text("/usr/bin/other");
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	sample.caller.process.exe = ssh_exe;
	set_user(&sample, "root");
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	set_user(&sample, "alice");
	sample.request.dest_key = FINGERPRINT;
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	sample.request.dest_key = DEST_KEY;
	sample.request.meeting = MEETING_BOUND;
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	sample.request.meeting = MEETING_VERIFIED;
	sample.request.is_forwarded = TRI_YES;
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	sample.request.is_forwarded = TRI_NO;
	sample.request.coding_agents.complete = false;
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	sample.request.coding_agents.complete = true;
	sample.request.key.fingerprint[10] ^= 1;
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
}

static void hosts_of_one_user_and_key_become_one_rule(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	set_name(&sample, "alice@b.example.org");
	add(&sample, "allow", NULL);
	set_name(&sample, "alice@a.example.org");
	add(&sample, "allow", NULL);
	yaml = suggestion(&sample, 1);
	assert_non_null(strstr(yaml, "        - \"alice@a.example.org\" # 1 signature: event 2\n"
	                             "        - \"alice@b.example.org\" # 1 signature: event 1\n"));
	assert_int_equal(decide(yaml, &sample), ACTION_ALLOW);
	set_name(&sample, "alice@c.example.org");
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
}

/* A user of one host is no user of another. */
static void users_and_hosts_are_not_crossed(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	add(&sample, "allow", NULL);
	set_user(&sample, "git");
	sample.request.dest_key = FINGERPRINT;
	add(&sample, "allow", NULL);
	yaml = suggestion(&sample, 2);
	assert_int_equal(decide(yaml, &sample), ACTION_ALLOW);
	set_user(&sample, "alice");
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
}

static void what_was_denied_is_left_out(void **state) {
	static const struct {
		const char *decision, *reason;
		bool is_denial;
	} cases[] = {
		{"deny", NULL, true},
		{"confirm-denied", "denied", true},
		{"deny", "bind-mismatch", true},
		{"deny", "caller-changed", true},
		{"confirm-denied", "timeout", false},
		{"confirm-denied", "missing", false},
		{"deny", "panic", false},
		{"deny", "upstream-down", false},
		{"deny", "rate-limited", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(sample_deinit) struct sample sample;
		CLEANUP(free_pointer) char *yaml = NULL;

		sample_init(&sample);
		add(&sample, "allow", NULL);
		add(&sample, cases[i].decision, cases[i].reason);
		yaml = suggestion(&sample, cases[i].is_denial ? 0 : 1);
		assert_int_equal(strstr(yaml, "but denied: event 2\n") != NULL, cases[i].is_denial);
		assert_int_equal(decide(yaml, &sample),
		                 cases[i].is_denial ? ACTION_DENY : ACTION_ALLOW);
	}
}

/* One host of a rule can be denied without the others. */
static void a_denial_takes_no_more_than_it_must(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	set_name(&sample, "alice@a.example.org");
	add(&sample, "allow", NULL);
	set_name(&sample, "alice@b.example.org");
	add(&sample, "allow", NULL);
	add(&sample, "deny", NULL);
	yaml = suggestion(&sample, 1);
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
	set_name(&sample, "alice@a.example.org");
	assert_int_equal(decide(yaml, &sample), ACTION_ALLOW);
}

/* It may have been the same one. */
static void a_denial_of_which_too_little_is_told_counts(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	set_name(&sample, "alice@a.example.org");
	add(&sample, "allow", NULL);
	sample.destination.host.more = MORE_NAMES_HIDDEN;
	sample.destination.ssh_dest = text("alice@b.example.org");
	sample.name = text("b.example.org");
	add(&sample, "deny", NULL);
	yaml = suggestion(&sample, 0);
}

static void what_is_not_proved_is_left_out_and_said(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	sample.request.meeting = MEETING_NONE;
	sample.request.dest_key = NULL;
	add(&sample, "allow", NULL);
	sample.request.is_forwarded = TRI_YES;
	add(&sample, "allow", NULL);
	sample.request.is_forwarded = TRI_NO;
	sample.request.meeting = MEETING_VERIFIED;
	sample.request.dest_key = DEST_KEY;
	sample.caller.integrity = INTEGRITY_PRELOADED;
	add(&sample, "allow", NULL);
	sample.caller.integrity = 0;
	sample.payload.kind = PAYLOAD_UNKNOWN;
	add(&sample, "allow", NULL);
	sample.payload.kind = PAYLOAD_SSH_LOGIN;
	set_user(&sample, "a\"b\n*");
	add(&sample, "allow", NULL);
	set_user(&sample, "alice");
	sample.caller.process.exe = text("/opt/*/ssh");
	add(&sample, "allow", NULL);
	yaml = suggestion(&sample, 0);
	assert_non_null(
		strstr(yaml, "not proved where the login went:\n#   1 signature: event 1\n"));
	assert_non_null(strstr(yaml, "forwarded agent:\n#   1 signature: event 2\n"));
	assert_non_null(strstr(yaml, "(caller_integrity):\n#   1 signature: event 3\n"));
	assert_non_null(strstr(yaml, "what was signed:\n#   1 signature: event 4\n"));
	assert_non_null(strstr(yaml, "as a plain value:\n#   2 signatures: events 5, 6\n"));
}

/* Events lie in files of this user: what stands in one is not taken over as YAML. */
static void no_event_writes_rules_of_its_own(void **state) {
	static const char *const destinations[] = {
		FINGERPRINT
		"\"\n    action: deny\n  - name: mine\n    match:\n      exe:\n        - \"/x",
		FINGERPRINT "\n# looks good",
		"SHA256:*",
		"SHA256:",
		"MD5:d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e",
	};
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;
	const char *left_out;

	(void)state;
	sample_init(&sample);
	for (size_t i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++) {
		sample.request.dest_key = destinations[i];
		add(&sample, "allow", NULL);
	}
	sample.request.dest_key = DEST_KEY;
	strcpy(sample.request.key.fingerprint, "SHA256:x\"\n    exe: \"/y");
	add(&sample, "allow", NULL);
	strcpy(sample.request.key.fingerprint, "SHA256:*");
	add(&sample, "allow", NULL);
	yaml = suggestion(&sample, 0);
	left_out = strstr(yaml,
	                  "as a plain value:\n#   7 signatures: events 1, 2, 3, 4, 5, 6, 7\n");
	assert_non_null(left_out);
}

static void signatures_of_data_are_for_their_namespaces(void **state) {
	CLEANUP(sample_deinit) struct sample sample;
	CLEANUP(free_pointer) char *yaml = NULL;

	(void)state;
	sample_init(&sample);
	sample.payload.kind = PAYLOAD_SSHSIG;
	sample.payload.sshsig.name_space = bytes_of_text("git");
	sample.request.session = NULL;
	sample.request.is_forwarded = TRI_UNKNOWN;
	sample.request.meeting = MEETING_NONE;
	sample.request.dest_key = NULL;
	add(&sample, "allow", NULL);
	sample.payload.sshsig.name_space = bytes_of_text("file");
	add(&sample, "allow", NULL);
	yaml = suggestion(&sample, 1);
	assert_int_equal(decide(yaml, &sample), ACTION_ALLOW);
	sample.payload.sshsig.name_space = bytes_of_text("other");
	assert_int_equal(decide(yaml, &sample), ACTION_DENY);
}

static void the_order_of_events_changes_no_rule(void **state) {
	char *texts[2];

	(void)state;
	for (int round = 0; round < 2; round++) {
		CLEANUP(sample_deinit) struct sample sample;
		char *at;

		sample_init(&sample);
		for (int i = 0; i < 3; i++) {
			static const char *const names[] = {"alice@a.example", "alice@b.example",
			                                    "alice@c.example"};

			set_name(&sample, names[round == 0 ? i : 2 - i]);
			add(&sample, "allow", NULL);
		}
		texts[round] = suggestion(&sample, 1);
		/* But for the numbers of the events. */
		for (at = texts[round]; (at = strstr(at, ": event ")) != NULL; at += 8)
			at[8] = 'N';
	}
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_done_is_allowed_and_nothing_else),
		cmocka_unit_test(hosts_of_one_user_and_key_become_one_rule),
		cmocka_unit_test(users_and_hosts_are_not_crossed),
		cmocka_unit_test(what_was_denied_is_left_out),
		cmocka_unit_test(a_denial_takes_no_more_than_it_must),
		cmocka_unit_test(a_denial_of_which_too_little_is_told_counts),
		cmocka_unit_test(what_is_not_proved_is_left_out_and_said),
		cmocka_unit_test(no_event_writes_rules_of_its_own),
		cmocka_unit_test(signatures_of_data_are_for_their_namespaces),
		cmocka_unit_test(the_order_of_events_changes_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
