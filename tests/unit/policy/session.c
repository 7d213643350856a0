/* The fields on what is signed and where it is good, by tables, and what an allow covers. */
#include "fixture.h"

/* How a condition shows: an allow fits only for certain, a deny also where it could. */
enum seen { NO, UNKNOWN, YES };

static enum seen see(const char *match, const struct request *request) {
	bool allowed = rule_fits("allow", match, request);
	bool denied = rule_fits("deny", match, request);

	assert_true(denied || !allowed);
	return allowed ? YES : denied ? UNKNOWN : NO;
}

struct row {
	const char *match;
	enum seen seen;
};

static void assert_rows(const struct row *rows, size_t n_rows, const struct request *request) {
	for (size_t i = 0; i < n_rows; i++) {
		enum seen seen = see(rows[i].match, request);

		if (seen != rows[i].seen)
			print_message("# %s\n", rows[i].match);
		assert_int_equal(seen, rows[i].seen);
	}
}

#define ASSERT_ROWS(rows, request) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]), (request))

static const struct payload git = {
	.kind = PAYLOAD_SSHSIG,
	.sshsig = {.name_space = {(const uint8_t *)"git", 3}},
};
static const struct payload token = {.kind = PAYLOAD_UNKNOWN, .len = 700};

static struct request request_of(const struct caller *caller, const struct payload *payload) {
	struct request request = known_request(caller);

	request.payload = payload;
	if (payload != &known_login) {
		request.meeting = MEETING_NONE;
		request.dest_key = NULL;
	}
	return request;
}

static void a_login_has_a_user_and_no_namespace(void **state) {
	static const struct row rows[] = {
		{"sign_type: ssh-login", YES},
		{"sign_type: [sshsig, unknown]", NO},
		{"sign_type: [sshsig, ssh-login]", YES},
		{"ssh_user: alice", YES},
		{"ssh_user: alic", NO},
		{"ssh_user: Alice", NO},
		{"ssh_user: 'al*'", YES},
		{"ssh_user: '~^al'", YES},
		{"ssh_user: [git, alice]", YES},
		{"namespace: '*'", NO},
	};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &known_login);

	(void)state;
	ASSERT_ROWS(rows, &request);
}

static void an_sshsig_has_a_namespace_and_neither_user_nor_destination(void **state) {
	static const struct row rows[] = {
		{"sign_type: sshsig", YES},
		{"sign_type: ssh-login", NO},
		{"namespace: git", YES},
		{"namespace: 'g?t'", YES},
		{"namespace: file", NO},
		{"ssh_user: '*'", NO},
		{"dest_key: SHA256:+", NO},
		{"dest_key: '*'", NO},
		{"dest_evidence: [verified, bound, none]", NO},
	};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &git);

	(void)state;
	ASSERT_ROWS(rows, &request);
}

static void of_an_unknown_payload_only_that_is_known(void **state) {
	static const struct row rows[] = {
		{"sign_type: unknown", YES},
		{"sign_type: [ssh-login, sshsig]", NO},
		{"sign_type: unknown, namespace: git", UNKNOWN},
		{"sign_type: unknown, ssh_user: alice", UNKNOWN},
		{"sign_type: unknown, dest_key: SHA256:+", UNKNOWN},
		{"sign_type: unknown, dest_evidence: none", UNKNOWN},
	};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &token);

	(void)state;
	ASSERT_ROWS(rows, &request);
	request.payload = NULL; /* as of a message that cannot be read */
	ASSERT_ROWS(rows, &request);
}

static void an_allow_covers_no_unknown_payload_unless_it_says_so(void **state) {
	static const struct payload *const payloads[] = {&known_login, &git, &token, NULL};
	struct caller caller = known_caller();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct request request = request_of(&caller, payloads[i]);
		bool covered = payloads[i] == &known_login || payloads[i] == &git;
		struct verdict verdict = decide_rule("allow", "exe: /usr/bin/ssh", &request);

		assert_int_equal(verdict.action, covered ? ACTION_ALLOW : ACTION_DENY);
		if (covered)
			assert_null(verdict.missing);
		else
			assert_string_equal(verdict.missing, "sign_type");
		/* A deny or confirm speaks of everything, and so does a default. */
		assert_true(rule_fits("deny", "exe: /usr/bin/ssh", &request));
		assert_true(rule_fits("confirm", "exe: /usr/bin/ssh", &request));
		assert_int_equal(decide_rule("deny", "exe: /x", &request).action, ACTION_ALLOW);
		assert_int_equal(rule_fits("allow", "sign_type: unknown", &request), !covered);
	}
}

static void what_is_no_signature_has_no_payload(void **state) {
	static const char *const conditions[] = {"sign_type: [ssh-login, sshsig, unknown]",
	                                         "namespace: '*'", "ssh_user: '*'"};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, NULL);

	(void)state;
	for (int i = 0; i < OPERATION_COUNT; i++) {
		bool unknown = i == OPERATION_UNKNOWN || i == OPERATION_EXTENSION;

		if (i == OPERATION_SIGN)
			continue;
		request.operation = (enum operation)i;
		for (size_t j = 0; j < 3; j++) {
			char match[128];

			snprintf(match, sizeof(match), "operation: %s, %s",
			         operation_name(request.operation), conditions[j]);
			assert_int_equal(see(match, &request), unknown ? UNKNOWN : NO);
		}
	}
	request.operation = OPERATION_ADD;
	assert_true(rule_fits("allow", "operation: add", &request));
}

static void a_name_of_any_length_is_compared_whole(void **state) {
	static uint8_t bytes[6000];
	struct payload login = known_login;
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &login);

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	login.login.user = (struct bytes){bytes, 4096};
	assert_int_equal(see("ssh_user: 'a*a'", &request), YES);
	/* Longer than a pattern is tried on: neither yes nor no, and so denied. */
	login.login.user = (struct bytes){bytes, 4097};
	assert_string_equal(decide_rule("allow", "ssh_user: 'a*a'", &request).missing,
	                    "pattern-limit");
	login.login.user = BYTES(bytes);
	assert_string_equal(decide_rule("allow", "ssh_user: 'a*a'", &request).missing,
	                    "pattern-limit");
	assert_int_equal(see("ssh_user: aaaa", &request), NO);
	login.login.user = bytes_of_text("");
	assert_int_equal(see("ssh_user: '*'", &request), YES);
	assert_int_equal(see("ssh_user: a", &request), NO);
	login.login.user = (struct bytes){NULL, 0}; /* nobody has said which one */
	assert_int_equal(see("ssh_user: '*'", &request), UNKNOWN);
}

static void a_destination_is_certain_only_where_it_is_verified(void **state) {
	static const struct row verified[] = {
		{"dest_key: '" DEST_KEY "'", YES},
		{"dest_key: SHA256:+DiY", YES},
		{"dest_key: 'SHA256:+*'", YES},
		{"dest_key: SHA256:abc", NO},
		{"dest_evidence: verified", YES},
		{"dest_evidence: [bound, none]", NO},
		{"dest_key: SHA256:+, dest_evidence: [verified, bound]", YES},
		{"dest_key: SHA256:+, dest_evidence: bound", NO},
	};
	static const struct row bound[] = {
		{"dest_key: SHA256:+DiY", UNKNOWN},
		/* Nor is it certain that it is not for that host. */
		{"dest_key: SHA256:abc", UNKNOWN},
		{"dest_evidence: bound", YES},
		{"dest_evidence: verified", NO},
		{"dest_key: SHA256:+, dest_evidence: [verified, bound]", YES},
		{"dest_key: SHA256:abc, dest_evidence: [verified, bound]", NO},
		{"dest_key: SHA256:+, dest_evidence: verified", NO},
	};
	static const struct row none[] = {
		{"dest_key: SHA256:+DiY", UNKNOWN},
		{"dest_key: SHA256:abc", UNKNOWN},
		{"dest_evidence: none", YES},
		{"dest_evidence: [verified, bound]", NO},
		{"dest_key: SHA256:+, dest_evidence: [verified, bound, none]", UNKNOWN},
	};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &known_login);

	(void)state;
	ASSERT_ROWS(verified, &request);
	request.meeting = MEETING_BOUND;
	ASSERT_ROWS(bound, &request);
	request.meeting = MEETING_NONE;
	request.dest_key = NULL;
	ASSERT_ROWS(none, &request);
	request.meeting = MEETING_MISMATCH;
	ASSERT_ROWS(none, &request);
}

static void evidence_in_a_match_says_nothing_for_unless(void **state) {
	static const char text[] =
		"default_action: deny\n"
		"rules: [{match: {dest_key: 'SHA256:+', dest_evidence: [verified, bound]},\n"
		"         unless: {dest_key: SHA256:abc}, action: allow}]\n";
	CLEANUP(free_policy) struct policy *policy = must_parse(text);
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &known_login);

	(void)state;
	assert_int_equal(policy_decide(policy, &request).action, ACTION_ALLOW);
	request.meeting = MEETING_BOUND;
	assert_int_equal(policy_decide(policy, &request).action, ACTION_DENY);
}

static void keys_can_be_hidden_from_a_host_that_is_bound(void **state) {
	struct caller caller = known_caller();
	struct request request = request_of(&caller, NULL);

	(void)state;
	request.operation = OPERATION_LIST;
	assert_true(rule_fits("deny", "operation: list, dest_key: SHA256:abc", &request));
	request.meeting = MEETING_BOUND;
	request.dest_key = DEST_KEY;
	assert_false(rule_fits("deny", "operation: list, dest_key: SHA256:abc", &request));
	assert_true(rule_fits("deny", "operation: list, dest_key: SHA256:+", &request));
}

static void whether_an_agent_is_forwarded_may_be_unknown(void **state) {
	static const enum tri tris[] = {TRI_UNKNOWN, TRI_NO, TRI_YES};
	static const enum seen is_true[] = {UNKNOWN, NO, YES};
	static const enum seen is_false[] = {UNKNOWN, YES, NO};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &known_login);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		request.is_forwarded = tris[i];
		assert_int_equal(see("is_forwarded: true", &request), is_true[i]);
		assert_int_equal(see("is_forwarded: false", &request), is_false[i]);
	}
}

static void hops_are_counted_as_far_as_the_chain_is_proved(void **state) {
	static struct session_hop via = {.is_forwarding = true};
	struct session_hop *chain[SESSION_HOPS_MAX];
	struct session session = {.hops = chain};
	struct caller caller = known_caller();
	struct request request = request_of(&caller, &known_login);

	(void)state;
	for (size_t i = 0; i < SESSION_HOPS_MAX; i++)
		chain[i] = &via;
	request.session = NULL;
	assert_int_equal(see("hops: 0", &request), UNKNOWN);
	request.session = &session;
	assert_int_equal(see("hops: 0", &request), UNKNOWN);
	session.n_hops = SESSION_HOPS_MAX;
	assert_int_equal(see("hops: 16", &request), YES);
	assert_int_equal(see("hops: [0, 1]", &request), NO);
	session.n_hops = 2;
	chain[1] = &known_hop; /* the login */
	assert_int_equal(see("hops: 1", &request), YES);
	session.is_tainted = true;
	assert_int_equal(see("hops: 1", &request), UNKNOWN);
	assert_int_equal(see("hops: 2", &request), UNKNOWN);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_has_a_user_and_no_namespace),
		cmocka_unit_test(an_sshsig_has_a_namespace_and_neither_user_nor_destination),
		cmocka_unit_test(of_an_unknown_payload_only_that_is_known),
		cmocka_unit_test(an_allow_covers_no_unknown_payload_unless_it_says_so),
		cmocka_unit_test(what_is_no_signature_has_no_payload),
		cmocka_unit_test(a_name_of_any_length_is_compared_whole),
		cmocka_unit_test(a_destination_is_certain_only_where_it_is_verified),
		cmocka_unit_test(evidence_in_a_match_says_nothing_for_unless),
		cmocka_unit_test(keys_can_be_hidden_from_a_host_that_is_bound),
		cmocka_unit_test(whether_an_agent_is_forwarded_may_be_unknown),
		cmocka_unit_test(hops_are_counted_as_far_as_the_chain_is_proved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
