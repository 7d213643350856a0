/*
 * Random policies and requests: the verdict equals that of a naive evaluator, written from the
 * manual and for this test alone. It shares no code with the real one: it sees a rule as the list
 * of what each of its conditions is on this request, and thinks in possible worlds.
 */
#include "fixture.h"

#include "policy/explain.h"
#include "policy/hidden.h"
#include "policy/never.h"
#include "policy/show.h"

#define ROUNDS         5000
#define RULES_MAX      6
#define CONDITIONS_MAX 3

/* What a condition is on the one request of this test, and how that is written. */
enum truth { NO, YES, MAYBE, CLAIM };

static const struct {
	const char *field;
	const char *text;
	enum truth truth;
} written[] = {
	{"key", "SHA256:47D", YES},
	{"key", "[SHA256:abc, '~x']", NO},
	{"endpoint", "'b*'", YES},
	{"endpoint", "default", NO},
	{"has_terminal", "no", MAYBE},
	{"exe", "/usr/*", YES},
	{"exe", "/opt/**", NO},
	{"ancestor", "tmux", MAYBE},
	{"ancestor", "git", YES},
	{"ancestor", "/bin/tmux", MAYBE},
	{"process_name", "ssh", YES},
	{"process_name", "coder", CLAIM},
	{"process_name", "x", NO},
	{"key_type", "ssh-*", YES},
	{"key_type", "sk-*", NO},
	{"parent_process_name", "git", YES},
	{"parent_process_name", "sh", NO},
	{"parent_process_name", "wrapper", CLAIM},
	{"command", "'ssh *'", YES},
	{"command", "ssh", NO},
	{"cwd", "/home/a/*", YES},
	{"cwd", "'/home/*/src'", YES},
	{"cwd", "'/home/*c'", NO},
	{"cgroup", "'/user*.scope'", YES},
	{"cgroup", "'*.service'", NO},
	{"tmux_window", "'*'", MAYBE},
	{"env", "{CI: 'true'}", YES},
	{"env", "{CI: 'true', NONE: '*'}", NO},
	{"env", "{NONE: '*'}", NO},
	{"uid", "1000", YES},
	{"uid", "[0, 1001]", NO},
	{"user_presence", "local", MAYBE},
	{"user_presence", "[remote, unknown]", YES},
	{"is_in_container", "true", MAYBE},
	{"exe_sha256", "'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'", MAYBE},
	{"key_comment", "'work*'", YES},
	{"key_comment", "home", NO},
	{"time", "mon-fri 09:00-17:00", YES},
	{"time", "[sat, '00:00-09:00']", NO},
};
#define N_WRITTEN (sizeof(written) / sizeof(written[0]))

struct naive_match {
	size_t conditions[CONDITIONS_MAX];
	size_t n_conditions;
};

struct naive_rule {
	enum action action;
	struct naive_match match;
	struct naive_match unless;
};

static uint32_t next_random(uint32_t *seed, uint32_t below) {
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

static struct naive_match random_match(uint32_t *seed) {
	struct naive_match match = {0};
	size_t n_conditions = next_random(seed, CONDITIONS_MAX + 1);

	while (match.n_conditions < n_conditions) {
		size_t condition = next_random(seed, N_WRITTEN);
		bool taken = false;

		for (size_t i = 0; i < match.n_conditions; i++)
			taken |= strcmp(written[match.conditions[i]].field,
			                written[condition].field) == 0;
		if (!taken)
			match.conditions[match.n_conditions++] = condition;
	}
	return match;
}

static size_t write_match(char *text, size_t size, const struct naive_match *match) {
	size_t len = 0;

	for (size_t i = 0; i < match->n_conditions; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s: %s", i > 0 ? ", " : "",
		                        written[match->conditions[i]].field,
		                        written[match->conditions[i]].text);
	return len;
}

static void write_policy(char *text, size_t size, enum action default_action, bool require_proof,
                         const struct naive_rule *rules, size_t n_rules) {
	size_t len = (size_t)snprintf(
		text, size, "default_action: %s\n%srules:%s\n", action_name(default_action),
		require_proof ? "require_proof: true\n" : "", n_rules > 0 ? "" : " []");

	for (size_t i = 0; i < n_rules; i++) {
		len += (size_t)snprintf(text + len, size - len, "- {match: {");
		len += write_match(text + len, size - len, &rules[i].match);
		if (rules[i].unless.n_conditions > 0) {
			len += (size_t)snprintf(text + len, size - len, "}, unless: {");
			len += write_match(text + len, size - len, &rules[i].unless);
		}
		len += (size_t)snprintf(text + len, size - len, "}, action: %s}\n",
		                        action_name(rules[i].action));
	}
	assert_true(len < size);
}

static bool possible(const struct naive_match *match) {
	for (size_t i = 0; i < match->n_conditions; i++)
		if (written[match->conditions[i]].truth == NO)
			return false;
	return true;
}

static bool certain(const struct naive_match *match) {
	for (size_t i = 0; i < match->n_conditions; i++)
		if (written[match->conditions[i]].truth != YES)
			return false;
	return true;
}

static bool rule_certain(const struct naive_rule *rule) {
	return certain(&rule->match) &&
	       (rule->unless.n_conditions == 0 || !possible(&rule->unless));
}

static bool rule_possible(const struct naive_rule *rule) {
	return possible(&rule->match) &&
	       (rule->unless.n_conditions == 0 || !certain(&rule->unless));
}

/* Of the fields that are written above, these alone are proofs. */
static bool rests_on_proof(const struct naive_rule *rule) {
	for (size_t i = 0; i < rule->match.n_conditions; i++) {
		const char *field = written[rule->match.conditions[i]].field;

		if (strcmp(field, "key") == 0 || strcmp(field, "key_type") == 0)
			return true;
	}
	return false;
}

/* Under require_proof a weak allow is as if it were not there. */
static size_t without_weak(struct naive_rule *ret, size_t *ret_numbers,
                           const struct naive_rule *rules, size_t n_rules) {
	size_t n_left = 0;

	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].action != ACTION_ALLOW || rests_on_proof(&rules[i])) {
			ret[n_left] = rules[i];
			ret_numbers[n_left++] = i;
		}
	return n_left;
}

/* The number of the rule that decides; n_rules: the default. */
static size_t naive(const struct naive_rule *rules, size_t n_rules) {
	size_t end = 0; /* the first rule that ends the search in every world */
	size_t first_confirm = n_rules;

	while (end < n_rules && !rule_certain(&rules[end]))
		end++;
	for (size_t i = 0; i < n_rules && i <= end; i++) {
		if (rules[i].action == ACTION_DENY && rule_possible(&rules[i]))
			return i;
		if (rules[i].action == ACTION_CONFIRM && rule_possible(&rules[i]) &&
		    first_confirm == n_rules)
			first_confirm = i;
	}
	return first_confirm < n_rules ? first_confirm : end;
}

/* NULL: a rule never decides, so that it is no policy. Anything else fails. */
static struct policy *parse_unless_hidden(const char *text) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;

	if (policy_parse(&policy, bytes_of_text(text), "test.yaml", NULL, &problems) == 0)
		return policy;
	for (size_t i = 0; i < problems.count; i++)
		assert_non_null(strstr(problems.items[i].text, "never decides"));
	return NULL;
}

struct told {
	struct account accounts[RULES_MAX];
	size_t count;
};

static void take_account(void *data, const struct account *account) {
	struct told *told = data;

	assert_true(told->count < RULES_MAX);
	told->accounts[told->count++] = *account;
}

/* Each rule is told, in its order, and as what it is; and the verdict is that of deciding. */
static void check_accounts(const struct policy *policy, const struct request *request,
                           const struct naive_rule *rules, size_t n_rules) {
	struct told told = {0};
	struct verdict verdict = policy_decide(policy, request);
	struct verdict explained = policy_explain(policy, request, take_account, &told);
	bool ended = false;

	assert_int_equal(explained.action, verdict.action);
	assert_ptr_equal(explained.rule, verdict.rule);
	assert_ptr_equal(explained.missing, verdict.missing);
	assert_int_equal(told.count, n_rules);
	for (size_t i = 0; i < n_rules; i++) {
		const struct account *account = &told.accounts[i];
		bool possible_now = rule_possible(&rules[i]), certain_now = rule_certain(&rules[i]);
		char rule[32];

		snprintf(rule, sizeof(rule), "rule-%zu", i + 1);
		assert_string_equal(account->rule, rule);
		assert_int_equal(account->action, rules[i].action);
		assert_int_equal(account->too_late, ended);
		assert_int_equal(account->standing == STANDING_FITS, certain_now);
		assert_int_equal(account->standing == STANDING_NO ||
		                         account->standing == STANDING_TAKEN_BACK,
		                 !possible_now);
		assert_int_equal(account->field == NULL,
		                 certain_now || account->standing == STANDING_TAKEN_BACK);
		ended = ended || certain_now || (possible_now && rules[i].action == ACTION_DENY);
	}
}

static void assert_same_verdict(struct verdict a, struct verdict b) {
	assert_int_equal(a.action, b.action);
	assert_string_equal(a.rule, b.rule);
	assert_int_equal(a.missing == NULL, b.missing == NULL);
	if (a.missing != NULL)
		assert_string_equal(a.missing, b.missing);
}

static void check_shown(const struct policy *policy, const struct request *request) {
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	CLEANUP(free_policy) struct policy *shown = NULL;

	policy_show(&yaml, policy);
	buffer_put_u8(&yaml, '\0');
	assert_int_equal(buffer_error(&yaml), 0);
	shown = must_parse((const char *)yaml.data);
	assert_same_verdict(policy_decide(policy, request), policy_decide(shown, request));
}

/* What lint calls idle decides nothing, whoever asks. Returns how many rules it calls so. */
static size_t check_idle(const struct policy *policy, const struct request *request) {
	struct caller unknown = {.state = CALLER_UNKNOWN, .reason = "caller-unknown"};
	struct request of_unknown = *request;
	size_t n_rules = policy_rule_count(policy);
	size_t n_idle = 0;

	of_unknown.caller = &unknown;
	for (size_t i = 0; i < n_rules; i++) {
		size_t steps_left = HIDDEN_STEPS_MAX;
		char rule[32];

		snprintf(rule, sizeof(rule), "rule-%zu", i + 1);
		if (never_fits(policy, &policy->rules[i]) != NULL)
			assert_false(policy_decide(policy, request).action == ACTION_ALLOW &&
			             strcmp(policy_decide(policy, request).rule, rule) == 0);
		if (hidden_by(policy, i, HIDER_OF_THE_SAME_ACTION, &steps_left) == i)
			continue;
		n_idle++;
		assert_string_not_equal(policy_decide(policy, request).rule, rule);
		assert_string_not_equal(policy_decide(policy, &of_unknown).rule, rule);
	}
	return n_idle;
}

static void the_verdict_is_that_of_the_naive_evaluator(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	struct process parents[] = {git_and_python[0], git_and_python[1]};
	unsigned rounds = repetitions(ROUNDS);
	unsigned n_seen[3] = {0};
	size_t n_idle = 0;
	uint32_t seed = 20261123;

	(void)state;
	request.endpoint = "build";
	request.key_comment = "work laptop";
	caller.has_terminal = TRI_UNKNOWN;
	caller.ancestors_known = false;
	caller.process.title = (char[]){"coder"};
	caller.cwd = (char[]){"/home/a/src"};
	caller.cgroup = (char[]){"/user.slice/session-3.scope"};
	caller.env = (char *[]){(char[]){"CI=true"}, (char[]){"TERM="}, NULL};
	caller.n_env = 2;
	caller.apart_unknown = APART_PID;
	caller.ancestors = parents;
	parents[0].title = (char[]){"wrapper"};
	request.time = (struct clock_moment){true, 2, 10 * 60};
	for (unsigned round = 0; round < rounds; round++) {
		struct naive_rule rules[RULES_MAX];
		size_t n_rules = next_random(&seed, RULES_MAX + 1);
		enum action default_action = (enum action)next_random(&seed, 3);
		bool require_proof = default_action != ACTION_ALLOW && next_random(&seed, 3) == 0;
		char text[4096], rule[32];
		struct verdict verdict;
		size_t deciding;

		for (size_t i = 0; i < n_rules; i++) {
			rules[i].action = (enum action)next_random(&seed, 3);
			rules[i].match = random_match(&seed);
			rules[i].unless = next_random(&seed, 3) == 0 ? random_match(&seed)
			                                             : (struct naive_match){0};
		}
		write_policy(text, sizeof(text), default_action, require_proof, rules, n_rules);
		CLEANUP(free_policy) struct policy *policy = parse_unless_hidden(text);
		if (policy == NULL)
			continue;
		verdict = policy_decide(policy, &request);
		if (require_proof) {
			struct naive_rule left[RULES_MAX];
			size_t numbers[RULES_MAX + 1];
			size_t n_left = without_weak(left, numbers, rules, n_rules);

			numbers[n_left] = n_rules;
			deciding = numbers[naive(left, n_left)];
		} else {
			deciding = naive(rules, n_rules);
			check_accounts(policy, &request, rules, n_rules);
		}
		snprintf(rule, sizeof(rule), "rule-%zu", deciding + 1);
		if (strcmp(verdict.rule, deciding < n_rules ? rule : "default") != 0)
			print_message("# %s# %s\n", text, verdict.rule);
		assert_string_equal(verdict.rule, deciding < n_rules ? rule : "default");
		assert_int_equal(verdict.action,
		                 deciding < n_rules ? rules[deciding].action : default_action);
		if (verdict.action == ACTION_ALLOW)
			assert_null(verdict.missing);
		assert_int_equal(verdict.weak, verdict.action == ACTION_ALLOW &&
		                                       (deciding == n_rules ||
		                                        !rests_on_proof(&rules[deciding])));
		check_shown(policy, &request);
		n_idle += check_idle(policy, &request);
		n_seen[verdict.action]++;
	}
	for (int i = 0; i < 3; i++)
		assert_true(n_seen[i] > rounds / 10);
	assert_true(n_idle > rounds / 50);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_is_that_of_the_naive_evaluator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
