/* What lint says, and of what it is silent. That a rule which it calls idle never decides is shown
 * by property.c, too. */
#include "fixture.h"

#include "policy/lint.h"

#define DENY    "default_action: deny\nrules:\n"
#define NOTHING "default_action: deny\n"

/* parts: of the messages that must be there, in their order, and no others. */
static void assert_findings(const char *text, const char *const *parts, size_t n_parts) {
	CLEANUP(problems_deinit) struct problems findings = {0};
	CLEANUP(free_policy) struct policy *policy = must_parse(text);

	policy_lint(policy, &findings, &findings);
	if (findings.count != n_parts) {
		print_message("# in: %s\n", text);
		print_problems(&findings);
	}
	assert_int_equal(findings.count, n_parts);
	for (size_t i = 0; i < n_parts; i++) {
		if (strstr(findings.items[i].text, parts[i]) == NULL)
			print_problems(&findings);
		assert_non_null(strstr(findings.items[i].text, parts[i]));
		assert_string_equal(findings.items[i].file, "test.yaml");
	}
}

static void assert_silent(const char *text) {
	assert_findings(text, NULL, 0);
}

static void assert_finding(const char *text, const char *part) {
	assert_findings(text, &part, 1);
}

static void an_allow_that_rests_on_no_proof_is_weak(void **state) {
	(void)state;
	assert_finding(DENY "- {match: {exe: /usr/bin/ssh}, action: allow}\n", "rule-1: weak");
	assert_finding(DENY "- {match: {}, action: allow}\n", "rule-1: weak");
	assert_finding(DENY "- {match: {ancestor: git, has_terminal: true}, action: allow}\n",
	               "weak");
	assert_finding(DENY "- {match: {endpoint: default}, action: allow}\n", "weak");
	assert_finding(DENY "- {match: {operation: add}, action: allow}\n", "weak");
	/* A proof that fits everything is none. */
	assert_finding(DENY "- {match: {key: '*'}, action: allow}\n", "weak");
	assert_finding(DENY "- {match: {key: [SHA256:abc, '*']}, action: allow}\n", "weak");
	assert_finding(DENY "- {match: {sign_type: [unknown, sshsig]}, action: allow}\n", "weak");
	assert_finding(DENY "- {match: {is_forwarded: no, hops: 0}, action: allow}\n", "weak");
	assert_finding(DENY "- {match: {dest_evidence: verified}, action: allow}\n", "weak");
	assert_finding(DENY "- {match: {dest_key: SHA256:abc, dest_evidence: [bound, verified]},\n"
	                    "   action: allow}\n",
	               "weak");
	/* And one that only takes back narrows nothing. */
	assert_finding(DENY "- {match: {}, unless: {key: SHA256:abc}, action: allow}\n", "weak");
}

static void a_rule_that_rests_on_a_proof_is_not_weak(void **state) {
	(void)state;
	assert_silent(DENY "- {match: {key: SHA256:abc}, action: allow}\n");
	assert_silent(DENY "- {match: {exe: /usr/bin/ssh, key: SHA256:abc}, action: allow}\n");
	assert_silent(DENY "- {match: {key_type: sk-*}, action: allow}\n");
	assert_silent(DENY "- {match: {sign_type: ssh-login}, action: allow}\n");
	assert_silent(DENY "- {match: {namespace: git}, action: allow}\n");
	assert_silent(DENY "- {match: {ssh_user: git}, action: allow}\n");
	assert_silent(DENY "- {match: {dest_key: SHA256:abc}, action: allow}\n");
	assert_silent(DENY "- {match: {exe: /usr/bin/ssh}, action: deny}\n");
	assert_silent(DENY "- {match: {exe: /usr/bin/ssh}, action: confirm}\n");
	assert_silent(DENY "- {match: {operation: list}, action: allow}\n");
}

static void a_default_that_allows_is_told(void **state) {
	const char *const both[] = {"default_action: allow", "default_change_action: allow"};

	(void)state;
	assert_findings("default_action: allow\ndefault_change_action: allow\n", both, 2);
	assert_silent("default_action: confirm\n");
}

static void a_rule_that_says_what_an_earlier_one_says_is_told(void **state) {
	static const struct {
		const char *first, *second;
		bool hidden;
	} rows[] = {
		{"match: {}, action: deny", "match: {exe: /x}, action: deny", true},
		{"match: {exe: /u/*}, action: deny", "match: {exe: /u/a}, action: deny", true},
		{"match: {key: SHA256:a}, action: allow", "match: {key: SHA256:ab}, action: allow",
	         true},
		{"match: {process_name: s, key: SHA256:a}, action: allow",
	         "match: {process_name: s, key: SHA256:a}, unless: {exe: /x}, action: allow", true},
		{"match: {exe: /x}, action: confirm", "match: {exe: /x}, action: confirm", true},
		{"match: {exe: /x}, action: deny", "match: {}, action: deny", false},
		{"match: {exe: /x}, action: deny", "match: {exe: /y}, action: deny", false},
		{"match: {}, unless: {exe: /x}, action: deny", "match: {}, action: deny", false},
		{"match: {operation: add}, action: deny", "match: {}, action: deny", false},
		/* What is only bound, and what is no login, are left to it. */
		{"match: {key: SHA256:k, dest_key: SHA256:a}, action: allow",
	         "match: {key: SHA256:k, dest_key: SHA256:a, dest_evidence: bound}, action: allow",
	         false},
		{"match: {dest_key: SHA256:a}, action: deny",
	         "match: {dest_key: SHA256:a, dest_evidence: bound}, action: deny", true},
		{"match: {key: SHA256:a}, action: allow",
	         "match: {key: SHA256:a, sign_type: [unknown, ssh-login]}, action: allow", false},
		{"match: {key: SHA256:a}, action: allow",
	         "match: {key: SHA256:a, sign_type: ssh-login}, action: allow", true},
		/* Whoever is not identified is allowed by the second one alone. */
		{"match: {key: SHA256:a}, action: allow",
	         "match: {key: SHA256:a, endpoint: 'b*'}, action: allow", false},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), DENY "- {%s}\n- {%s}\n", rows[i].first,
		         rows[i].second);
		if (rows[i].hidden)
			assert_finding(text, "rule-2: never decides: rule-1 (line 3) fits what");
		else
			assert_silent(text);
	}
}

static void a_rule_that_excludes_itself_is_told(void **state) {
	static const struct {
		const char *rule, *part; /* NULL: nothing is to be said */
	} rows[] = {
		{"match: {namespace: git, ssh_user: git}, action: allow", "never together"},
		{"match: {namespace: git, ssh_dest: a}, action: allow", "never together"},
		{"match: {sign_type: ssh-login, namespace: git}, action: deny", "never together"},
		{"match: {sign_type: sshsig, dest_key: SHA256:a}, action: confirm",
	         "never together"},
		{"match: {operation: add, namespace: git}, action: deny", "never together"},
		{"match: {operation: [lock, unlock], key: SHA256:a}, action: deny",
	         "never together"},
		/* Of what nobody knows, both may be so, and then it denies. */
		{"match: {namespace: git, ssh_user: git}, action: deny", NULL},
		{"match: {operation: [add, list], dest_key: SHA256:a}, action: allow", NULL},
		{"match: {operation: [add, sign], namespace: git}, action: allow", NULL},
		{"match: {operation: remove-all, key: SHA256:a}, action: deny", NULL},
		{"match: {key: SHA256:a, is_forwarded: false, hops: [1, 2]}, action: allow",
	         "over no host"},
		{"match: {key: SHA256:a, is_forwarded: false, forwarded_via: a}, action: allow",
	         "over no host"},
		{"match: {key: SHA256:a, is_forwarded: true, hops: 0}, action: allow",
	         "a host at least"},
		{"match: {key: SHA256:a, is_forwarded: true, hops: [0, 1]}, action: allow", NULL},
		{"match: {is_forwarded: false, hops: 1}, action: deny", NULL},
		{"match: {key: SHA256:a, is_coding_agent: false, coding_agent: '*'}, action: allow",
	         "none has a name"},
		{"match: {key: SHA256:a, exe: /a}, unless: {exe: '/*'}, action: allow",
	         "unless holds wherever match does"},
		{"match: {key: SHA256:a, exe: /a}, unless: {exe: /a, cwd: /b}, action: allow",
	         NULL},
		{"match: {key: SHA256:a, endpoint: ci}, action: deny", "no socket of that name"},
		{"match: {key: SHA256:a, endpoint: [ci, 'exec:x']}, action: deny", NULL},
		{"match: {key: SHA256:a, endpoint: default}, action: deny", NULL},
		{"match: {key: SHA256:a, coding_agent: cluade}, action: deny",
	         "no coding agent is defined by that name"},
		{"match: {key: SHA256:a, coding_agent: [cluade, 'c*']}, action: deny", NULL},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), DENY "- {%s}\n", rows[i].rule);
		if (rows[i].part != NULL)
			assert_finding(text, rows[i].part);
		else
			assert_silent(text);
	}
	assert_silent("endpoints: {ci: {path: /ci}}\n" DENY
	              "- {match: {key: SHA256:a, endpoint: ci}, action: deny}\n");
}

static void what_says_yes_weakly_is_told(void **state) {
	(void)state;
	assert_finding("confirm: {methods: [otp]}\n" NOTHING, "confirm: otp: weak");
	assert_finding("confirm: {methods: [otp-pin]}\n" NOTHING, "confirm: otp-pin: weak");
	assert_finding(DENY "- {match: {key: SHA256:a}, action: confirm, confirm: otp}\n",
	               "confirm: otp: weak");
	assert_silent("confirm: {methods: [touch]}\n" NOTHING);
}

static void a_weak_method_before_a_strong_one_is_told(void **state) {
	const char *const both[] = {"confirm: methods: pin (weak) asks before", "confirm: pin: weak"};
	const char *const of_rule[] = {"confirm: otp: weak", "a: confirm: otp (weak) asks before"};

	(void)state;
	assert_findings("confirm: {methods: [pin, touch]}\n" NOTHING, both, 2);
	assert_finding("confirm: {methods: [touch, pin]}\n" NOTHING, "confirm: pin: weak");
	assert_finding("confirm: {methods: auto}\n" NOTHING, "confirm: pin: weak");
	assert_findings(DENY "- {name: a, match: {key: SHA256:a}, action: confirm,\n"
	                     "   confirm: {method: [otp, touch]}}\n",
	                of_rule, 2);
}

static size_t unanswered(const char *text, unsigned enrolled) {
	CLEANUP(problems_deinit) struct problems findings = {0};
	CLEANUP(free_policy) struct policy *policy = must_parse(text);

	policy_lint_enrolled(policy, enrolled, &findings);
	return findings.count;
}

static void a_question_that_nobody_could_answer_is_told(void **state) {
	static const char asks[] = DENY "- {match: {}, action: confirm}\n";
	static const char by_askpass[] = DENY
		"- {match: {}, action: confirm, confirm: {method: askpass}}\n";

	(void)state;
	assert_int_equal(unanswered(asks, 0), 1);
	assert_int_equal(unanswered(asks, CONFIRM_ASKPASS), 1);
	assert_int_equal(unanswered(asks, CONFIRM_PIN), 0);
	assert_int_equal(unanswered(by_askpass, CONFIRM_ASKPASS), 0);
	assert_int_equal(unanswered(by_askpass, CONFIRM_PIN), 1);
	assert_int_equal(unanswered(asks, CONFIRM_OTP), 1);
	assert_int_equal(unanswered("version: 0\ndefault_action: confirm\n", CONFIRM_OTP), 0);
	assert_int_equal(unanswered("default_action: confirm\n", 0), 1);
	assert_int_equal(unanswered("default_action: deny\n", 0), 0);
}

static void findings_stand_in_the_order_of_the_file(void **state) {
	const char *const parts[] = {"default_action: allow", "a: weak", "b: never decides",
	                             "b: weak"};

	(void)state;
	assert_findings("rules:\n"
	                "- {name: a, match: {exe: /x}, action: allow}\n"
	                "- {name: b, match: {exe: /x}, action: allow}\n"
	                "default_action: allow\n",
	                parts, 4);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allow_that_rests_on_no_proof_is_weak),
		cmocka_unit_test(a_rule_that_rests_on_a_proof_is_not_weak),
		cmocka_unit_test(a_default_that_allows_is_told),
		cmocka_unit_test(a_rule_that_says_what_an_earlier_one_says_is_told),
		cmocka_unit_test(a_rule_that_excludes_itself_is_told),
		cmocka_unit_test(what_says_yes_weakly_is_told),
		cmocka_unit_test(a_weak_method_before_a_strong_one_is_told),
		cmocka_unit_test(a_question_that_nobody_could_answer_is_told),
		cmocka_unit_test(findings_stand_in_the_order_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
