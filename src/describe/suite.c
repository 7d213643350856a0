#include "describe/suite.h"

#include <errno.h>
#include <string.h>

#include "describe/expect.h"
#include "describe/request.h"
#include "describe/slot.h"

#define OWN_TEXT "policy_text" /* what a policy that stands in the file is called in messages */

struct trial {
	const char *name;            /* borrowed from the tree, as are all texts */
	const char *policy_text;     /* its own; NULL: the one that all share */
	struct described *described; /* NULL where only loading is tested */
	struct expect expect;
};

struct suite {
	struct yaml_node *root;
	const struct surroundings *surroundings;
	const char *policy_path;
	const char *policy_text;
	struct trial *trials;
	size_t n_trials;
};

void suite_free(struct suite *suite) {
	if (suite == NULL)
		return;
	for (size_t i = 0; i < suite->n_trials; i++)
		described_free(suite->trials[i].described);
	free(suite->trials);
	yaml_tree_free(suite->root);
	free(suite);
}

const char *suite_policy_path(const struct suite *suite) {
	return suite->policy_path;
}

/* ---- reading ---- */

static int read_trial(struct trial *trial, struct reading *reading, bool has_policy,
                      const struct yaml_node *map) {
	enum { NAME, POLICY_TEXT, REQUEST, EXPECT, N_SLOTS };
	struct slot slots[N_SLOTS] = {[NAME] = {.name = "name"},
	                              [POLICY_TEXT] = {.name = "policy_text"},
	                              [REQUEST] = {.name = "request"},
	                              [EXPECT] = {.name = "expect"}};

	trial->name = "";
	if (!slots_fill(slots, N_SLOTS, reading, "a test", map))
		return 0;
	if (slots[NAME].value != NULL)
		trial->name = read_text(reading, "name", slots[NAME].value);
	else
		REPORT(reading, map, "name: missing; say what the test shows");
	if (slots[POLICY_TEXT].value != NULL)
		trial->policy_text = slot_text(reading, "policy_text", slots[POLICY_TEXT].value);
	else if (!has_policy)
		REPORT(reading, map,
		       "policy: missing; write policy: FILE at the top of the file, "
		       "or policy_text: in each test");
	if (slots[EXPECT].value != NULL)
		expect_read(&trial->expect, reading, slots[EXPECT].value);
	else
		REPORT(reading, map, "expect: missing; write expect: {action: allow}, or the like");
	if (slots[REQUEST].value != NULL)
		return described_new(&trial->described, reading, slots[REQUEST].value);
	if (trial->expect.load_error == NULL)
		REPORT(reading, map, "request: missing; write request: {} for an ordinary one");
	return 0;
}

static int read_trials(struct suite *suite, struct reading *reading, const struct yaml_node *list) {
	bool has_policy = suite->policy_path != NULL || suite->policy_text != NULL;

	if (list->kind == TREE_BROKEN)
		return 0;
	if (list->kind != TREE_LIST || list->count == 0) {
		REPORT(reading, list, "tests: not a list of tests; begin each with \"- name:\"");
		return 0;
	}
	if (list->count > TESTS_MAX) {
		REPORT(reading, list, "tests: more than %d; write another file", TESTS_MAX);
		return 0;
	}
	suite->trials = calloc(list->count, sizeof(*suite->trials));
	if (suite->trials == NULL)
		return -ENOMEM;
	for (const struct yaml_node *node = list->first; node != NULL; node = node->next) {
		int error = read_trial(&suite->trials[suite->n_trials++], reading, has_policy,
		                       node);

		if (error < 0)
			return error;
	}
	return 0;
}

static int read_suite(struct suite *suite, struct reading *reading) {
	enum { POLICY, POLICY_TEXT, TESTS, N_SLOTS };
	struct slot slots[N_SLOTS] = {[POLICY] = {.name = "policy"},
	                              [POLICY_TEXT] = {.name = "policy_text"},
	                              [TESTS] = {.name = "tests"}};

	if (!slots_fill(slots, N_SLOTS, reading, "the file of tests", suite->root))
		return 0;
	if (slots[POLICY].value != NULL)
		suite->policy_path = read_text(reading, "policy", slots[POLICY].value);
	if (slots[POLICY_TEXT].value != NULL)
		suite->policy_text = slot_text(reading, "policy_text", slots[POLICY_TEXT].value);
	if (slots[POLICY].value != NULL && slots[POLICY_TEXT].value != NULL)
		REPORT(reading, slots[POLICY_TEXT].value,
		       "policy_text: stands beside policy; remove one of them");
	if (slots[TESTS].value == NULL) {
		REPORT(reading, suite->root, "tests: missing; write a list of tests");
		return 0;
	}
	return read_trials(suite, reading, slots[TESTS].value);
}

static void free_suite(struct suite **suite) {
	suite_free(*suite);
}

int suite_parse(struct suite **ret, struct bytes text, const char *file,
                const struct surroundings *surroundings, struct problems *problems) {
	CLEANUP(free_suite) struct suite *suite = calloc(1, sizeof(*suite));
	struct reading reading = {
		.problems = problems,
		.context = {.home = surroundings != NULL ? surroundings->home : NULL},
	};
	size_t first = problems->count;
	size_t before = problems_total(problems);
	int error;

	if (suite == NULL)
		return -ENOMEM;
	suite->surroundings = surroundings;
	error = yaml_tree_parse(&suite->root, text, file, problems);
	if (error == 0)
		error = read_suite(suite, &reading);
	problems_sort(problems, first);
	if (error == 0 && problems_total(problems) != before)
		error = -EINVAL;
	if (error < 0)
		return error;
	*ret = TAKE(suite);
	return 0;
}

/* ---- running ---- */

/* A policy as it was loaded, or why it was not. */
struct loaded {
	struct policy *policy; /* NULL: it has problems */
	struct problems problems;
};

static void deinit_loaded(struct loaded *loaded) {
	policy_unref(loaded->policy);
	problems_deinit(&loaded->problems);
	*loaded = (struct loaded){0};
}

static int load(struct loaded *loaded, struct bytes text, const char *name,
                const struct surroundings *surroundings) {
	struct surroundings known = surroundings != NULL ? *surroundings : (struct surroundings){0};
	int error;

	/* A text has no place, from where to look for others. */
	if (strcmp(name, OWN_TEXT) == 0)
		known.source = NULL;
	error = policy_parse(&loaded->policy, text, name, &known, &loaded->problems);

	return error == -EINVAL ? 0 : error;
}

/* Each problem for itself, so that the end of one and the beginning of the next are no message. */
static int is_among(bool *ret, const struct problems *problems, const char *part) {
	*ret = false;
	for (size_t i = 0; i < problems->count && !*ret; i++) {
		struct problems one = {.items = &problems->items[i], .count = 1};
		CLEANUP(buffer_deinit) struct buffer text = {0};

		problems_text(&text, &one, "");
		if (buffer_error(&text) < 0)
			return -ENOMEM;
		*ret = memmem(text.data, text.len, part, strlen(part)) != NULL;
	}
	return 0;
}

static int compare_loading(struct mismatch *mismatches, size_t *n_mismatches,
                           const struct trial *trial, const struct loaded *loaded) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	const char *expected = trial->expect.load_error;
	bool found = false;
	int error = 0;

	if (expected != NULL)
		error = is_among(&found, &loaded->problems, expected);
	if (error < 0 || found || (expected == NULL && loaded->policy != NULL))
		return error;
	problems_text(&text, &loaded->problems, "; ");
	return mismatch_add(mismatches, n_mismatches, "load_error",
	                    expected != NULL ? expected : "", &text);
}

static int run_trial(const struct trial *trial, const struct loaded *loaded, suite_taker *take,
                     void *data) {
	struct mismatch mismatches[EXPECTED_MAX + 1];
	struct outcome_of_test outcome = {.name = trial->name,
	                                  .policy = loaded->policy,
	                                  .problems = &loaded->problems,
	                                  .mismatches = mismatches};
	struct request request;
	int error = compare_loading(mismatches, &outcome.n_mismatches, trial, loaded);

	if (trial->described != NULL && outcome.policy != NULL) {
		request = described_request(trial->described, outcome.policy);
		outcome.request = &request;
		outcome.verdict = policy_decide(outcome.policy, outcome.request);
		if (error == 0)
			error = expect_compare(mismatches, &outcome.n_mismatches, &trial->expect,
			                       outcome.request, &outcome.verdict);
	}
	outcome.passed = outcome.n_mismatches == 0;
	if (error == 0)
		take(data, &outcome);
	for (size_t i = 0; i < outcome.n_mismatches; i++)
		free(mismatches[i].found);
	return error;
}

int suite_run(const struct suite *suite, struct bytes policy_text, const char *policy_name,
              suite_taker *take, void *data) {
	CLEANUP(deinit_loaded) struct loaded shared = {0};
	int error = 0;

	if (suite->policy_path != NULL)
		error = load(&shared, policy_text, policy_name, suite->surroundings);
	else if (suite->policy_text != NULL)
		error = load(&shared, bytes_of_text(suite->policy_text), OWN_TEXT,
		             suite->surroundings);
	for (size_t i = 0; i < suite->n_trials && error == 0; i++) {
		const struct trial *trial = &suite->trials[i];
		CLEANUP(deinit_loaded) struct loaded own = {0};

		if (trial->policy_text != NULL)
			error = load(&own, bytes_of_text(trial->policy_text), OWN_TEXT,
			             suite->surroundings);
		if (error == 0)
			error = run_trial(trial, trial->policy_text != NULL ? &own : &shared, take,
			                  data);
	}
	return error;
}
