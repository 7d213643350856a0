/* Where a login goes, by name: requests as a file describes them, and the fields of rules on them,
 * by tables. */
#include "../policy/fixture.h"

#include "describe/fact.h"
#include "describe/request.h"

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

static void free_described(struct described **made) {
	described_free(*made);
}

static struct described *described(const char *text) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	struct reading reading = {.problems = &problems};
	struct described *made = NULL;

	assert_int_equal(yaml_tree_parse(&root, bytes_of_text(text), "t", &problems), 0);
	assert_int_equal(described_new(&made, &reading, root), 0);
	print_problems(&problems);
	assert_int_equal(problems.count, 0);
	return made;
}

/* How a condition shows: an allow fits only for certain, a deny also where it could. */
enum seen { NO, MAYBE, YES };

struct row {
	const char *request;
	const char *match;
	enum seen seen;
};

static void assert_rows(const struct row *rows, size_t n_rows) {
	for (size_t i = 0; i < n_rows; i++) {
		CLEANUP(free_described) struct described *made = described(rows[i].request);
		bool allowed = rule_fits("allow", rows[i].match, &made->request);
		bool denied = rule_fits("deny", rows[i].match, &made->request);
		enum seen seen = allowed ? YES : denied ? MAYBE : NO;

		if (seen != rows[i].seen)
			print_message("# %s: %s\n", rows[i].request, rows[i].match);
		assert_int_equal(seen, rows[i].seen);
		assert_int_equal(rule_fits("confirm", rows[i].match, &made->request), denied);
	}
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]))

#define GIT    "{ssh_dest: git@github.com}"
#define TYPED  "{command: ssh git@github.com}"
#define WEAKER "dest_evidence: [verified, command-line]"

static void a_pattern_without_a_user_is_for_the_host_alone(void **state) {
	static const struct row rows[] = {
		{GIT, "ssh_dest: git@github.com", YES},
		{GIT, "ssh_dest: github.com", YES},
		{GIT, "ssh_dest: GitHub.com", YES},
		{GIT, "ssh_dest: '*.com'", YES},
		{GIT, "ssh_dest: '*@github.com'", YES},
		{GIT, "ssh_dest: 'git@*'", YES},
		{GIT, "ssh_dest: '~^git@github[.]com$'", YES},
		{GIT, "ssh_dest: '~^github[.]com$'", YES},
		{GIT, "ssh_dest: 'git*'", YES}, /* the host begins so, too */
		{GIT, "ssh_dest: 'gi@github.com'", NO},
		{GIT, "ssh_dest: GIT@github.com", NO},
		{GIT, "ssh_dest: 'git'", NO},
		{GIT, "ssh_dest: hub.com", NO},
		{GIT, "ssh_dest: [a, github.com]", YES},
		{GIT, "ssh_dest: github.com, ssh_user: git, dest_evidence: verified", YES},
		{"{ssh_dest: 'a@[b.example]:2222'}", "ssh_dest: b.example", YES},
		{"{ssh_dest: 'a@[b.example]:2222'}", "ssh_dest: '[b.example]:2222'", YES},
		{"{ssh_dest: 'a@[b.example]:2222'}", "ssh_dest: '[b.example]:23'", NO},
		{"{ssh_dest: host}", "ssh_dest: root@host", NO},
		{"{ssh_dest: host, ssh_user: root}", "ssh_dest: root@host", YES},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void what_is_not_known_may_be_any_host(void **state) {
	static const struct row rows[] = {
		{"{}", "ssh_dest: '*'", NO},
		{"{unknown: [ssh_dest]}", "ssh_dest: github.com", MAYBE},
		{"{unknown: [ssh_dest]}", "ssh_dest: '*'", MAYBE},
		{"{ssh_dest: a, dest_evidence: none}", "ssh_dest: b", MAYBE},
		{"{ssh_dest: a, dest_evidence: bound}", "ssh_dest: a", MAYBE},
		{"{ssh_dest: a, dest_evidence: bound}", "ssh_dest: b", MAYBE},
		{"{ssh_dest: a, dest_evidence: bound}", "ssh_dest: a, dest_evidence: bound", YES},
		{"{ssh_dest: a, dest_evidence: bound}", "ssh_dest: b, dest_evidence: bound", NO},
		{"{ssh_dest: a, operation: list}", "operation: list, ssh_dest: a", YES},
		{"{ssh_dest: a, operation: list}", "operation: list, ssh_dest: b", NO},
		{"{ssh_dest: a, operation: list}", "operation: list, ssh_dest: u@a", MAYBE},
		{"{ssh_dest: a, operation: list}", "operation: list, ssh_dest: u@b", NO},
		{"{namespace: git, ssh_dest: a}", "ssh_dest: '*'", NO},
		{"{sign_type: unknown, ssh_dest: a}", "ssh_dest: a", MAYBE},
		{"{unknown: [is_in_known_hosts]}", "is_in_known_hosts: false", MAYBE},
		{"{unknown: [dest_mismatch]}", "dest_mismatch: true", MAYBE},
		{"{unknown: [command]}", "git_operation: push", MAYBE},
		{"{unknown: [command]}", "git_repo: '*'", MAYBE},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void a_command_line_is_enough_where_the_rule_says_so(void **state) {
	static const struct row rows[] = {
		{TYPED, "ssh_dest: github.com", MAYBE},
		{TYPED, "ssh_dest: b.example", MAYBE},
		{TYPED, "ssh_dest: git@github.com, " WEAKER, YES},
		{TYPED, "ssh_dest: b.example, " WEAKER, NO},
		{TYPED, "dest_evidence: command-line", YES},
		{TYPED, "is_in_known_hosts: false, " WEAKER, MAYBE},
		{TYPED, "dest_mismatch: false, " WEAKER, MAYBE},
		{"{command: ssh git@github.com, hops: 1}", "ssh_dest: github.com, " WEAKER, NO},
		{"{command: ssh git@github.com, hops: 1}", "dest_evidence: none", YES},
		{"{command: ssh git@github.com, hops: 1}",
	         "ssh_dest: github.com, dest_evidence: [none, command-line]", MAYBE},
		{"{command: 'ssh -o HostKeyAlias=b x', exe: /usr/bin/ssh}", "ssh_dest: b, " WEAKER,
	         YES},
		{"{command: 'ssh -p 2222 x', exe: /usr/bin/ssh}", "ssh_dest: '[x]:2222', " WEAKER,
	         YES},
		{"{command: curl https://x}", "ssh_dest: x, " WEAKER, NO},
		{"{exe: /usr/bin/curl, command: ssh x}", "ssh_dest: x, " WEAKER, NO},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void what_is_proved_may_contradict_the_command_line(void **state) {
	static const struct row rows[] = {
		{"{ssh_dest: a, command: ssh b}", "dest_mismatch: true", YES},
		{"{ssh_dest: a, command: ssh a}", "dest_mismatch: true", NO},
		{"{ssh_dest: a, command: ssh a}", "dest_mismatch: false", YES},
		{"{ssh_dest: u@a, command: ssh v@a}", "dest_mismatch: true", YES},
		{"{ssh_dest: u@a, command: ssh a}", "dest_mismatch: true", NO},
		{"{ssh_dest: a}", "dest_mismatch: true", NO},
		{"{ssh_dest: a, dest_mismatch: true}", "dest_mismatch: true", YES},
		{"{ssh_dest: a, command: ssh b, forwarded_via: [c]}", "dest_mismatch: true", NO},
		{"{ssh_dest: a, command: ssh b}", "ssh_dest: a", YES},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void known_hosts_are_the_users_or_the_systems(void **state) {
	static const struct row rows[] = {
		{"{ssh_dest: a}", "is_in_known_hosts: false", YES},
		{"{is_in_known_hosts: true}", "is_in_known_hosts: true", YES},
		{"{known_hosts: user}", "is_in_known_hosts: true", YES},
		{"{known_hosts: user}", "known_hosts: user", YES},
		{"{known_hosts: user}", "known_hosts: system", NO},
		{"{known_hosts: [user, system]}", "known_hosts: system", YES},
		{"{known_hosts: user, dest_evidence: bound}", "known_hosts: user", MAYBE},
		{"{known_hosts: user, dest_evidence: none}", "known_hosts: system", MAYBE},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void a_way_is_allowed_whole_and_denied_by_each_of_its_hosts(void **state) {
	static const struct row rows[] = {
		{"{forwarded_via: [a]}", "forwarded_via: a", YES},
		{"{forwarded_via: [a]}", "is_forwarded: true, hops: 1", YES},
		{"{forwarded_via: [a, b]}", "forwarded_via: a", MAYBE},
		{"{forwarded_via: [a, b]}", "forwarded_via: b", MAYBE},
		{"{forwarded_via: [a, b]}", "forwarded_via: [a, b]", YES},
		{"{forwarded_via: [a, b]}", "forwarded_via: '*'", YES},
		{"{forwarded_via: [a, b]}", "forwarded_via: c", NO},
		{"{forwarded_via: []}", "forwarded_via: a", NO},
		{"{forwarded_via: []}", "is_forwarded: false", YES},
		{"{is_forwarded: true}", "forwarded_via: a", NO},
		{"{is_forwarded: true, unknown: [forwarded_via]}", "forwarded_via: a", MAYBE},
		{"{is_forwarded: true, unknown: [forwarded_via]}", "is_forwarded: true", YES},
		{"{unknown: [is_forwarded]}", "forwarded_via: a", MAYBE},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void git_claims_what_it_does(void **state) {
	static const char push[] = "{exe: /usr/bin/ssh, command: [ssh, git@h, \"git-receive-pack "
				   "'a/r.git'\"]}";
	static const struct row rows[] = {
		{push, "git_operation: push", YES},
		{push, "git_operation: [fetch, archive]", NO},
		{push, "git_repo: 'a/*'", YES},
		{push, "git_repo: b", NO},
		{"{}", "git_operation: [fetch, push, archive]", NO},
		{"{}", "git_repo: '*'", NO},
		{"{git_operation: fetch, git_repo: r}", "git_operation: fetch, git_repo: r", YES},
		{"{git_operation: fetch, hops: 1}", "git_operation: push", MAYBE},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void assert_fact(const char *name, const char *expected, const struct request *request) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	for (size_t i = 0; i < n_facts; i++)
		if (strcmp(facts[i].name, name) == 0 &&
		    fact_get(&text, &facts[i], request) == FACT_UNKNOWN)
			buffer_put_raw(&text, bytes_of_text("unknown"));
	buffer_put_u8(&text, 0);
	assert_string_equal((const char *)text.data, expected);
}

static void what_is_derived_can_be_told(void **state) {
	static const struct {
		const char *request, *fact, *text;
	} rows[] = {
		{TYPED, "ssh_dest", "git@github.com"},
		{TYPED, "dest_evidence", "command-line"},
		{TYPED, "ssh_user", "git"},
		{TYPED, "dest_key", "unknown"},
		{GIT, "ssh_dest", "git@github.com"},
		{GIT, "ssh_user", "git"},
		{GIT, "dest_evidence", "verified"},
		{GIT, "dest_mismatch", "false"},
		{GIT, "is_in_known_hosts", "false"},
		{GIT, "known_hosts", ""},
		{GIT, "git_operation", ""},
		{"{}", "ssh_dest", ""},
		{"{known_hosts: [system, user]}", "known_hosts", "user, system"},
		{"{forwarded_via: [a, B]}", "forwarded_via", "a, b"},
		{"{forwarded_via: [a, B]}", "hops", "2"},
		{"{is_forwarded: true, unknown: forwarded_via}", "forwarded_via", "unknown"},
		{"{namespace: git}", "ssh_dest", ""},
		{"{unknown: ssh_dest}", "ssh_dest", "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(free_described) struct described *made = described(rows[i].request);

		print_message("# %s: %s\n", rows[i].request, rows[i].fact);
		assert_fact(rows[i].fact, rows[i].text, &made->request);
	}
}

/* Live ones: a key has many names, and some that nobody can read. */
static void the_names_of_a_key_count_and_those_that_cannot_be_read(void **state) {
	char *names[] = {(char[]){"a.example"}, (char[]){"b.example"}};
	static const struct {
		size_t n_names;
		enum more_names more;
		const char *match;
		enum seen seen;
	} rows[] = {
		{2, MORE_NAMES_NONE, "ssh_dest: b.example", YES},
		{2, MORE_NAMES_NONE, "ssh_dest: alice@b.example", YES},
		{2, MORE_NAMES_NONE, "ssh_dest: '*.org'", NO},
		{1, MORE_NAMES_HIDDEN, "ssh_dest: a.example", YES},
		{1, MORE_NAMES_HIDDEN, "ssh_dest: c.example", NO}, /* it was tried */
		{1, MORE_NAMES_HIDDEN, "ssh_dest: '*.org'", MAYBE},
		{0, MORE_NAMES_HIDDEN, "ssh_dest: c.example", MAYBE},
		{0, MORE_NAMES_UNKNOWN, "ssh_dest: c.example", MAYBE},
		{0, MORE_NAMES_UNKNOWN, "ssh_dest: '*'", MAYBE},
	};
	struct caller caller = known_caller();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct destination destination = {
			.host = {.names = names, .n_names = rows[i].n_names, .more = rows[i].more}};
		struct request request = known_request(&caller);
		bool allowed, denied;

		request.destination = &destination;
		allowed = rule_fits("allow", rows[i].match, &request);
		denied = rule_fits("deny", rows[i].match, &request);
		print_message("# row %zu\n", i);
		assert_int_equal(allowed ? YES : denied ? MAYBE : NO, rows[i].seen);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_without_a_user_is_for_the_host_alone),
		cmocka_unit_test(what_is_not_known_may_be_any_host),
		cmocka_unit_test(a_command_line_is_enough_where_the_rule_says_so),
		cmocka_unit_test(what_is_proved_may_contradict_the_command_line),
		cmocka_unit_test(known_hosts_are_the_users_or_the_systems),
		cmocka_unit_test(a_way_is_allowed_whole_and_denied_by_each_of_its_hosts),
		cmocka_unit_test(git_claims_what_it_does),
		cmocka_unit_test(what_is_derived_can_be_told),
		cmocka_unit_test(the_names_of_a_key_count_and_those_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("describe/destination", tests, NULL, NULL);
}
