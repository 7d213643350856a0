/* Rules that never decide are refused where somebody meant something by them. */
#include "fixture.h"

#include <time.h>

#include <errno.h>

#include "base/buffer.h"

#define DENY "default_action: deny\n"

static int parse(struct problems *problems, struct bytes text) {
	struct policy *policy = NULL;
	int error = policy_parse(&policy, text, "p.yaml", NULL, problems);

	if (error < 0)
		assert_null(policy);
	policy_unref(policy);
	return error;
}

/* Two rules, and whether the first one hides the second. */
static void a_rule_that_an_earlier_one_hides_is_refused_where_it_says_otherwise(void **state) {
	static const struct {
		const char *first;
		const char *second;
		bool hidden;
	} rows[] = {
		{"match: {}, action: allow", "match: {exe: /x}, action: deny", true},
		{"match: {}, action: allow", "match: {}, action: deny", true},
		{"match: {}, action: allow", "match: {exe: /x}, action: allow", false},
		{"match: {exe: /x}, action: allow", "match: {}, action: deny", false},
		{"match: {exe: /x}, action: allow", "match: {exe: /x, key: SHA256:a}, action: deny",
	         true},
		{"match: {exe: /x}, action: allow", "match: {key: SHA256:a}, action: deny", false},
		{"match: {exe: [/x, /y]}, action: allow", "match: {exe: /y}, action: deny", true},
		{"match: {exe: /y}, action: allow", "match: {exe: [/x, /y]}, action: deny", false},
		{"match: {exe: /u/*}, action: allow", "match: {exe: /u/a/b}, action: deny", true},
		{"match: {exe: /u/*/b}, action: allow", "match: {exe: /u/a/c/b}, action: deny",
	         false},
		{"match: {exe: /u/*}, action: allow", "match: {exe: /u/*}, action: deny", true},
		{"match: {exe: /u/*}, action: allow", "match: {exe: /u/a*}, action: deny", false},
		{"match: {exe: '*'}, action: allow", "match: {exe: /u/a*}, action: deny", true},
		{"match: {exe: '~u'}, action: allow", "match: {exe: /u}, action: deny", false},
		{"match: {key: SHA256:ab}, action: allow", "match: {key: SHA256:abc}, action: deny",
	         true},
		{"match: {key: SHA256:abc}, action: allow", "match: {key: SHA256:ab}, action: deny",
	         false},
		{"match: {key: 'SHA256:a?'}, action: allow",
	         "match: {key: SHA256:ab}, action: deny", false},
		{"match: {has_terminal: [yes, no]}, action: allow",
	         "match: {has_terminal: no}, action: deny", true},
		{"match: {has_terminal: no}, action: allow",
	         "match: {has_terminal: [yes, no]}, action: deny", false},
		{"match: {operation: [sign, add]}, action: allow",
	         "match: {operation: add}, action: deny", true},
		{"match: {operation: [sign, add]}, action: allow", "match: {exe: /x}, action: deny",
	         true},
		{"match: {}, action: allow", "match: {operation: [sign]}, action: deny", true},
		{"match: {}, action: allow", "match: {operation: add}, action: deny", false},
		{"match: {operation: add}, action: allow", "match: {}, action: deny", false},
		{"match: {}, unless: {exe: /x}, action: allow", "match: {}, action: deny", false},
		{"match: {}, action: allow", "match: {}, unless: {exe: /x}, action: deny", true},
		/* Who only calls itself ssh is denied. */
		{"match: {process_name: ssh}, action: allow",
	         "match: {process_name: ssh}, action: deny", false},
		{"match: {process_name: ssh}, action: deny",
	         "match: {process_name: ssh}, action: allow", true},
		/* An allow speaks of no unknown payload, and of no destination that is not proved.
	         */
		{"match: {exe: /x}, action: allow",
	         "match: {exe: /x, sign_type: unknown}, action: deny", false},
		{"match: {exe: /x}, action: allow",
	         "match: {exe: /x, sign_type: sshsig}, action: deny", true},
		{"match: {exe: /x}, action: deny",
	         "match: {exe: /x, sign_type: unknown}, action: allow", true},
		{"match: {sign_type: unknown}, action: allow", "match: {}, action: deny", false},
		{"match: {dest_key: SHA256:a}, action: allow",
	         "match: {dest_key: SHA256:a, dest_evidence: bound}, action: deny", false},
		/* Without a user it is compared with the host alone. */
		{"match: {ssh_dest: 'g*'}, action: confirm",
	         "match: {ssh_dest: git@h}, action: deny", false},
		{"match: {ssh_dest: 'g*'}, action: confirm",
	         "match: {ssh_dest: gate}, action: deny", true},
		{"match: {ssh_dest: '*@h'}, action: confirm",
	         "match: {ssh_dest: a@h}, action: deny", true},
		{"match: {ssh_dest: '*'}, action: confirm", "match: {ssh_dest: a@h}, action: deny",
	         true},
		{"match: {ssh_dest: h}, action: confirm",
	         "match: {ssh_dest: h, dest_evidence: command-line}, action: deny", false},
		{"match: {dest_key: SHA256:a}, action: deny",
	         "match: {dest_key: SHA256:ab, dest_evidence: bound}, action: allow", true},
		/* A name that exec made allows nothing by itself. */
		{"match: {endpoint: 'b*'}, action: allow",
	         "match: {endpoint: bc, key: SHA256:a}, action: confirm", true},
		{"match: {endpoint: '*'}, action: allow",
	         "match: {endpoint: 'exec:*', key: SHA256:a}, action: confirm", false},
		{"match: {endpoint: 'e*'}, action: allow",
	         "match: {endpoint: 'e*'}, action: confirm", false},
		{"match: {endpoint: '*', key: SHA256:a}, action: allow",
	         "match: {endpoint: 'exec:*', key: SHA256:a}, action: confirm", true},
		{"match: {hops: [0, 1]}, action: allow", "match: {hops: 1}, action: deny", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(problems_deinit) struct problems problems = {0};
		char text[512];
		int error;

		snprintf(text, sizeof(text), DENY "rules:\n- {name: a, %s}\n- {%s}\n",
		         rows[i].first, rows[i].second);
		error = parse(&problems, bytes_of_text(text));
		if ((error < 0) != rows[i].hidden) {
			print_message("# %s", text);
			print_problems(&problems);
		}
		assert_int_equal(error, rows[i].hidden ? -EINVAL : 0);
		if (!rows[i].hidden)
			continue;
		assert_int_equal(problems.count, 1);
		assert_int_equal(problems.items[0].line, 4);
		assert_int_equal(problems.items[0].column, 3);
		assert_non_null(strstr(problems.items[0].text,
		                       "rule-2: never decides: a (line 3) fits whatever it fits"));
	}
}

/* Each of 400 long patterns with each of 400 long paths, which all but fits: the search for hidden
 * rules would take minutes without a bound. */
static void a_search_for_hidden_rules_costs_a_bounded_time(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer text = {0};
	clock_t started;
	char line[1100];

	(void)state;
	buffer_put_raw(&text, bytes_of_text(DENY "rules:\n"));
	for (int i = 0; i < 800; i++) {
		buffer_put_raw(&text, bytes_of_text("- match: {exe: '/"));
		for (int j = 0; j < 1000; j++)
			line[j] = i < 400 && j % 2 == 0 ? '*' : 'a';
		snprintf(line + 1000, 100, "%s'}\n  action: %s\n", i < 400 ? "b?" : "",
		         i < 400 ? "allow" : "deny");
		buffer_put_raw(&text, bytes_of_text(line));
	}
	started = clock(); /* of our own processor time: machines are busy */
	assert_int_equal(parse(&problems, buffer_bytes(&text)), 0);
	assert_true((clock() - started) / CLOCKS_PER_SEC < 60);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_rule_that_an_earlier_one_hides_is_refused_where_it_says_otherwise),
		cmocka_unit_test(a_search_for_hidden_rules_costs_a_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
