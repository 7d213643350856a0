/*
 * Random policies, each under a random floor, with definitions and an included file, and random
 * requests of which some facts are not known. Each completion of those facts is a possible world,
 * in which a naive evaluator tells what both policies say: the first rule that fits, no more. In a
 * world where all is known the real one says the same; and where facts are missing it is never less
 * strict than any of the worlds would be. It shares no code with the real one.
 */
#include "fixture.h"

#include "policy/floor.h"

#define ROUNDS         1500
#define RULES_MAX      5
#define CONDITIONS_MAX 3
#define VALUES_MAX     3
#define UNKNOWN_MAX    5 /* facts of a request: at most 243 worlds */
#define NOT_KNOWN      (-1)

enum fact {
	FACT_TERMINAL,
	FACT_CONTAINER,
	FACT_FORWARDED,
	FACT_MISMATCH,
	FACT_KNOWN_HOST,
	FACT_CWD,
	FACT_EXE,
	FACT_CGROUP,
	FACT_TMUX,
	FACT_COMMENT,
	FACT_TIME,
};
#define FACTS (FACT_TIME + 1)

/* The last value of a text may be "": there is none, which no list can name. */
static const struct {
	const char *field;
	const char *values[VALUES_MAX];
	int n_values, n_named;
} facts[FACTS] = {
	[FACT_TERMINAL] = {"has_terminal", {"false", "true"}, 2, 2},
	[FACT_CONTAINER] = {"is_in_container", {"false", "true"}, 2, 2},
	[FACT_FORWARDED] = {"is_forwarded", {"false", "true"}, 2, 2},
	[FACT_MISMATCH] = {"dest_mismatch", {"false", "true"}, 2, 2},
	[FACT_KNOWN_HOST] = {"is_in_known_hosts", {"false", "true"}, 2, 2},
	[FACT_CWD] = {"cwd", {"/a", "/a/b", "/c"}, 3, 3},
	[FACT_EXE] = {"exe", {"/usr/bin/ssh", "/opt/git", "/bin/x"}, 3, 3},
	[FACT_CGROUP] = {"cgroup", {"/user.slice/a", "/system.slice/b"}, 2, 2},
	[FACT_TMUX] = {"tmux_window", {"one", "two", ""}, 3, 2},
	[FACT_COMMENT] = {"key_comment", {"work", "home", ""}, 3, 2},
	[FACT_TIME] = {"time", {"mon 09:00-17:00", "sun 23:00-06:00", "wed"}, 3, 3},
};

/* A moment within each of these times, and no other; the second one is on Monday. */
static const struct clock_moment moments[] = {{true, 0, 600}, {true, 0, 30}, {true, 2, 0}};

struct condition_of_test {
	int fact;
	unsigned values; /* bits: those that it lists */
};

struct match_of_test {
	struct condition_of_test conditions[CONDITIONS_MAX];
	size_t count;
};

struct rule_of_test {
	enum action action;
	struct match_of_test match, unless;
};

struct policy_of_test {
	struct rule_of_test rules[RULES_MAX];
	size_t n_rules, n_included; /* the first of them stand in another file */
	enum action default_action;
	bool is_floor;
	char text[8192], included[8192];
};

/* The value of each fact, by its number. */
struct world {
	int values[FACTS];
};

static uint32_t next_random(uint32_t *seed, uint32_t below) {
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

/* ---- policies ---- */

static struct match_of_test random_match(uint32_t *seed, size_t least) {
	struct match_of_test match = {0};
	size_t count = least + next_random(seed, CONDITIONS_MAX + 1 - (uint32_t)least);
	unsigned taken = 0;

	while (match.count < count) {
		int fact = (int)next_random(seed, FACTS);
		unsigned all = (1U << facts[fact].n_named) - 1;

		if ((taken & 1U << fact) != 0)
			continue;
		taken |= 1U << fact;
		match.conditions[match.count++] = (struct condition_of_test){
			fact, 1 + next_random(seed, all)};
	}
	return match;
}

static size_t write_list(char *text, size_t size, const struct condition_of_test *condition) {
	size_t len = 0;
	const char *before = "[";

	for (int i = 0; i < facts[condition->fact].n_named; i++) {
		/* true and false are words, and all else is text. */
		const char *quote = condition->fact < FACT_CWD ? "" : "'";

		if ((condition->values & 1U << i) == 0)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s%s%s", before, quote,
		                        facts[condition->fact].values[i], quote);
		before = ", ";
	}
	return len + (size_t)snprintf(text + len, size - len, "]");
}

/* By a definition of that list, or by the list. */
static size_t write_match(char *text, size_t size, const struct match_of_test *match,
                          unsigned by_name) {
	size_t len = 0;

	for (size_t i = 0; i < match->count; i++) {
		const struct condition_of_test *condition = &match->conditions[i];

		len += (size_t)snprintf(text + len, size - len, "%s%s: ", i > 0 ? ", " : "",
		                        facts[condition->fact].field);
		if (condition->fact >= FACT_CWD && (by_name & 1U << i) != 0)
			len += (size_t)snprintf(text + len, size - len, "$f%d_%u", condition->fact,
			                        condition->values);
		else
			len += write_list(text + len, size - len, condition);
	}
	return len;
}

static size_t write_rules(char *text, size_t size, const struct rule_of_test *rules, size_t count,
                          unsigned by_name) {
	size_t len = (size_t)snprintf(text, size, "rules:%s\n", count == 0 ? " []" : "");

	for (size_t i = 0; i < count; i++) {
		len += (size_t)snprintf(text + len, size - len, "- {match: {");
		len += write_match(text + len, size - len, &rules[i].match, by_name);
		if (rules[i].unless.count > 0) {
			len += (size_t)snprintf(text + len, size - len, "}, unless: {");
			len += write_match(text + len, size - len, &rules[i].unless, by_name);
		}
		len += (size_t)snprintf(text + len, size - len, "}, action: %s}\n",
		                        action_name(rules[i].action));
	}
	return len;
}

static size_t write_definitions(char *text, size_t size) {
	size_t len = (size_t)snprintf(text, size, "define:\n");

	for (int fact = FACT_CWD; fact < FACTS; fact++)
		for (unsigned values = 1; values < 1U << facts[fact].n_named; values++) {
			struct condition_of_test condition = {fact, values};

			len += (size_t)snprintf(text + len, size - len, "  f%d_%u: ", fact, values);
			len += write_list(text + len, size - len, &condition);
			len += (size_t)snprintf(text + len, size - len, "\n");
		}
	return len;
}

static void policy_write(struct policy_of_test *policy, uint32_t *seed) {
	size_t size = sizeof(policy->text), len = 0;
	unsigned by_name = next_random(seed, 8);
	bool defines_there = next_random(seed, 2) == 0; /* definitions are of all files */

	if (!policy->is_floor)
		len += (size_t)snprintf(policy->text, size, "default_action: %s\n",
		                        action_name(policy->default_action));
	len += (size_t)snprintf(policy->text + len, size - len, "include: other.yaml\n");
	if (!defines_there)
		len += write_definitions(policy->text + len, size - len);
	len += write_rules(policy->text + len, size - len, policy->rules + policy->n_included,
	                   policy->n_rules - policy->n_included, by_name);
	assert_true(len < size);
	len = defines_there ? write_definitions(policy->included, size) : 0;
	len += write_rules(policy->included + len, size - len, policy->rules, policy->n_included,
	                   by_name);
	assert_true(len < size);
}

static void random_policy(struct policy_of_test *ret, uint32_t *seed, bool is_floor) {
	ret->is_floor = is_floor;
	ret->n_rules = next_random(seed, RULES_MAX + 1);
	ret->n_included = next_random(seed, (uint32_t)ret->n_rules + 1);
	/* What a floor says nothing of, it allows. */
	ret->default_action = is_floor ? ACTION_ALLOW : (enum action)next_random(seed, 3);
	for (size_t i = 0; i < ret->n_rules; i++) {
		ret->rules[i].action = (enum action)next_random(seed, 3);
		ret->rules[i].match = random_match(seed, 0);
		ret->rules[i].unless = next_random(seed, 3) == 0 ? random_match(seed, 1)
		                                                 : (struct match_of_test){0};
	}
	policy_write(ret, seed);
}

static int find_included(void *data, const char *path, struct policy_file *ret) {
	const struct policy_of_test *policy = data;

	(void)path;
	*ret = (struct policy_file){.text = bytes_of_text(policy->included)};
	return 0;
}

/* Line by line, because a message has an end; without the definitions. */
static void print_lines(const char *what, const char *text) {
	print_message("# %s:\n", what);
	while (*text != '\0') {
		int len = (int)strcspn(text, "\n");

		if (strncmp(text, "  f", 3) != 0)
			print_message("#   %.*s\n", len, text);
		text += len + (text[len] == '\n');
	}
}

/* NULL: a rule never decides, so that it is no policy. Anything else fails. */
static struct policy *parse_unless_hidden(struct policy_of_test *written) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	const struct policy_source source = {
		.find = find_included, .data = written, .any_owner = true};
	const struct surroundings surroundings = {
		.home = "/home/a", .is_floor = written->is_floor, .source = &source};
	struct policy *policy = NULL;

	if (policy_parse(&policy, bytes_of_text(written->text), "test.yaml", &surroundings,
	                 &problems) == 0)
		return policy;
	for (size_t i = 0; i < problems.count; i++) {
		if (strstr(problems.items[i].text, "never decides") == NULL) {
			print_problems(&problems);
			print_lines("policy", written->text);
			print_lines("what it includes", written->included);
		}
		assert_non_null(strstr(problems.items[i].text, "never decides"));
	}
	return NULL;
}

/* ---- the naive evaluator ---- */

static bool holds(const struct match_of_test *match, const struct world *world) {
	for (size_t i = 0; i < match->count; i++)
		if ((match->conditions[i].values &
		     1U << world->values[match->conditions[i].fact]) == 0)
			return false;
	return true;
}

static enum action say(const struct policy_of_test *policy, const struct world *world,
                       bool *ret_by_default) {
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule_of_test *rule = &policy->rules[i];

		if (holds(&rule->match, world) &&
		    (rule->unless.count == 0 || !holds(&rule->unless, world))) {
			*ret_by_default = false;
			return rule->action;
		}
	}
	*ret_by_default = true;
	return policy->default_action;
}

/* ---- requests ---- */

struct request_of_test {
	struct caller caller;
	struct destination destination;
	struct request request;
};

static enum tri tri_of(int value) {
	return value == NOT_KNOWN ? TRI_UNKNOWN : value == 1 ? TRI_YES : TRI_NO;
}

static char *text_of(const struct world *world, int fact) {
	int value = world->values[fact];

	/* Nobody writes to it: a caller owns its texts, and this one is never freed. */
	return value == NOT_KNOWN ? NULL : (char *)(uintptr_t)facts[fact].values[value];
}

static void request_make(struct request_of_test *ret, const struct world *world) {
	struct caller *caller = &ret->caller;
	struct request *request = &ret->request;
	int container = world->values[FACT_CONTAINER];

	*caller = known_caller();
	*request = known_request(caller);
	ret->destination = (struct destination){.mismatch = tri_of(world->values[FACT_MISMATCH]),
	                                        .is_known = tri_of(world->values[FACT_KNOWN_HOST])};
	caller->has_terminal = tri_of(world->values[FACT_TERMINAL]);
	caller->apart = container == 1 ? APART_PID : 0;
	caller->apart_unknown = container == NOT_KNOWN ? APART_PID : 0;
	caller->cwd = text_of(world, FACT_CWD);
	caller->process.exe = text_of(world, FACT_EXE);
	caller->cgroup = text_of(world, FACT_CGROUP);
	caller->tmux_window = text_of(world, FACT_TMUX);
	request->destination = &ret->destination;
	request->is_forwarded = tri_of(world->values[FACT_FORWARDED]);
	request->key_comment = text_of(world, FACT_COMMENT);
	request->time = world->values[FACT_TIME] == NOT_KNOWN ? (struct clock_moment){0}
	                                                      : moments[world->values[FACT_TIME]];
}

static struct world random_world(uint32_t *seed, size_t *ret_unknown) {
	struct world world = {0};

	*ret_unknown = 0;
	for (int i = 0; i < FACTS; i++) {
		world.values[i] = (int)next_random(seed, (uint32_t)facts[i].n_values);
		if (*ret_unknown < UNKNOWN_MAX && next_random(seed, 3) == 0) {
			world.values[i] = NOT_KNOWN;
			(*ret_unknown)++;
		}
	}
	return world;
}

/* The next completion of what is known; false: that was all of them. */
static bool next_world(struct world *world, const struct world *known) {
	for (int i = 0; i < FACTS; i++) {
		if (known->values[i] != NOT_KNOWN)
			continue;
		if (++world->values[i] < facts[i].n_values)
			return true;
		world->values[i] = 0;
	}
	return false;
}

static struct world first_world(const struct world *known) {
	struct world world = *known;

	for (int i = 0; i < FACTS; i++)
		if (world.values[i] == NOT_KNOWN)
			world.values[i] = 0;
	return world;
}

/* ---- both ---- */

static enum action decide(const struct policy *floor, const struct policy *policy,
                          const struct world *world) {
	struct request_of_test made;

	request_make(&made, world);
	return floor_decide(floor, policy, &made.request).action;
}

static void assert_action(enum action found, enum action wanted, const struct policy_of_test *floor,
                          const struct policy_of_test *policy, const struct world *world) {
	if (found == wanted)
		return;
	print_lines("floor", floor->text);
	print_lines("what it includes", floor->included);
	print_lines("policy", policy->text);
	print_lines("what it includes", policy->included);
	for (int i = 0; i < FACTS; i++)
		print_message("# %s: %s\n", facts[i].field,
		              world->values[i] == NOT_KNOWN ? "(not known)"
		                                            : facts[i].values[world->values[i]]);
	print_message("# %s, and not %s\n", action_name(found), action_name(wanted));
	assert_int_equal(found, wanted);
}

static enum action stricter(enum action a, enum action b) {
	return a < b ? a : b;
}

static void what_is_not_known_makes_no_verdict_less_strict(void **state) {
	static struct policy_of_test floor_written, written;
	unsigned rounds = repetitions(ROUNDS), n_checked = 0;
	unsigned n_seen[3] = {0}, n_of_unknown[3] = {0};
	uint32_t seed = 20261130;

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		CLEANUP(free_policy) struct policy *floor = NULL;
		CLEANUP(free_policy) struct policy *policy = NULL;
		enum action strictest = ACTION_ALLOW, verdict;
		struct world known, world;
		size_t n_unknown;

		random_policy(&floor_written, &seed, true);
		random_policy(&written, &seed, false);
		known = random_world(&seed, &n_unknown);
		floor = parse_unless_hidden(&floor_written);
		policy = parse_unless_hidden(&written);
		if (floor == NULL || policy == NULL)
			continue;
		n_checked++;
		world = first_world(&known);
		do {
			bool by_default;
			enum action above = say(&floor_written, &world, &by_default);
			enum action own = say(&written, &world, &by_default);

			assert_action(decide(floor, policy, &world), stricter(above, own),
			              &floor_written, &written, &world);
			if (by_default && own == ACTION_DENY)
				own = ACTION_CONFIRM;
			strictest = stricter(strictest, stricter(above, own));
		} while (next_world(&world, &known));
		verdict = decide(floor, policy, &known);
		if (verdict > strictest)
			assert_action(verdict, strictest, &floor_written, &written, &known);
		n_seen[verdict]++;
		n_of_unknown[verdict] += n_unknown > 0;
	}
	assert_true(n_checked > rounds / 4);
	/* Each of them is seen, also where something is missing. */
	for (int i = 0; i < 3; i++)
		assert_true(n_seen[i] > n_checked / 50 && n_of_unknown[i] > n_checked / 100);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_makes_no_verdict_less_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
