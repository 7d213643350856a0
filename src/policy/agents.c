#include "policy/agents.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "policy/claims.h"
#include "policy/coding_agents_yaml.h"
#include "policy/field_test.h"
#include "policy/match_read.h"

#define AGENTS_MAX          256 /* all of them are tried on each request */
#define AGENT_NAME_LEN_MAX  64  /* it stands in events */
#define AGENTS_BUILTIN_NAME "coding-agents.yaml (built in)"

/* ---- reading ---- */

/* What may stand in a definition, and the field as which its values are read. */
static const char *const signs[][2] = {
	{"env", "env"},
	{"ancestors", "ancestor"},
	{"exe", "exe"},
};
#define N_SIGNS (sizeof(signs) / sizeof(signs[0]))

static int read_sign(struct match *match, struct reading *reading, const struct yaml_node *key) {
	const char *names[N_SIGNS];

	for (size_t i = 0; i < N_SIGNS; i++) {
		names[i] = signs[i][0];
		if (strcmp(names[i], key->text) == 0)
			return match_names(match, signs[i][1])
			               ? 0 /* reported as a duplicate key already */
			               : match_read_field(match, reading, field_find(signs[i][1]),
			                                  key->next);
	}
	report_unknown_field(reading, key, names, N_SIGNS);
	return 0;
}

static int read_agent(struct agent *agent, struct reading *reading, const struct yaml_node *name) {
	static const char advice[] = "write env:, ancestors: or exe:";
	const struct yaml_node *map = name->next;

	agent->name = strdup(name->text);
	if (agent->name == NULL)
		return -ENOMEM;
	if (*name->text == '\0' || strlen(name->text) > AGENT_NAME_LEN_MAX)
		REPORT(reading, name, "coding_agents: %.60s: no name; write one of 1 to %d bytes",
		       *name->text != '\0' ? name->text : "\"\"", AGENT_NAME_LEN_MAX);
	if (!read_map(reading, "coding_agents", map, advice))
		return 0;
	if (map->count == 0)
		REPORT(reading, map, "coding_agents: %.60s: empty, so that nothing tells it; %s",
		       name->text, advice);
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		int error = key->kind == TREE_TEXT ? read_sign(&agent->signs, reading, key) : 0;

		if (error < 0)
			return error;
	}
	return 0;
}

int agents_read(struct policy *policy, struct reading *reading, const struct yaml_node *map) {
	struct agent *agents;

	if (!read_map(reading, "coding_agents", map, "write NAME: {ancestors: [PROGRAM]}"))
		return 0;
	if (map->count / 2 > AGENTS_MAX) {
		REPORT(reading, map, "coding_agents: more than %d; write fewer", AGENTS_MAX);
		return 0;
	}
	agents = array_resize(policy->agents, policy->n_agents + map->count / 2 + 1,
	                      sizeof(*agents));
	if (agents == NULL)
		return -ENOMEM;
	policy->agents = agents;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		int error;

		if (key->kind != TREE_TEXT)
			continue;
		policy->agents[policy->n_agents] = (struct agent){0};
		error = read_agent(&policy->agents[policy->n_agents++], reading, key);
		if (error < 0)
			return error;
	}
	return 0;
}

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

int agents_read_builtin(struct policy *policy) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	struct reading reading = {
		.problems = &problems,
		.context = {.regex_left = REGEX_SIZE_ALL_MAX, .room = policy->room},
	};
	int error = yaml_tree_parse(&root, bytes_of_text(coding_agents_yaml), AGENTS_BUILTIN_NAME,
	                            &problems);

	policy->n_own_agents = policy->n_agents;
	/* The text is ours: that it has no mistake, a test shows. */
	if (error == 0 && root->kind == TREE_MAP && root->first != NULL)
		error = agents_read(policy, &reading, root->first->next);
	return error;
}

void agents_deinit(struct policy *policy) {
	for (size_t i = 0; i < policy->n_agents; i++) {
		free(policy->agents[i].name);
		match_deinit(&policy->agents[i].signs);
	}
	free(policy->agents);
}

/* ---- finding ---- */

/* The best that a text is known to fit; an unknown one that it might. */
static enum fit path_test(const struct condition *condition, const struct process *process) {
	const char *script = claims_script(process);
	enum fit best = script != NULL ? any_pattern(condition, script) : FIT_NO;

	/* What another user runs, this account has not started. */
	if (best != FIT_YES && !process->foreign) {
		enum fit fit = any_pattern(condition, process->exe);

		best = fit > best ? fit : best;
	}
	return best;
}

static enum fit exe_test(const struct condition *condition, const struct caller *caller) {
	enum fit best = path_test(condition, &caller->process);

	for (size_t i = 0; i < caller->n_ancestors && best < FIT_YES; i++) {
		enum fit fit = path_test(condition, &caller->ancestors[i]);

		best = fit > best ? fit : best;
	}
	return best < FIT_UNKNOWN && !caller->ancestors_known ? FIT_UNKNOWN : best;
}

/* The caller itself counts, too: an agent may speak SSH without any help. */
static enum fit name_test(const struct condition *condition, struct subject *subject) {
	enum fit itself = condition->patterns[0].path ? FIT_NO
	                                              : test_process_name(condition, subject);
	enum fit above = test_ancestor(condition, subject);

	return itself == FIT_CLAIMED || above == FIT_CLAIMED ? FIT_YES
	       : itself > above                              ? itself
	                                                     : above;
}

static void found(struct coding_agents *agents, const char *name, const char *kind,
                  const char *sign) {
	for (size_t i = 0; i < agents->count; i++)
		if (strcmp(agents->items[i].name, name) == 0)
			return;
	if (agents->count < CODING_AGENTS_MAX)
		agents->items[agents->count++] = (struct coding_agent){name, kind, sign};
	else
		agents->complete = false;
}

/* One value of one sign. false: it does not tell the agent, for certain or as far as is known. */
static bool sign_tells(struct coding_agents *agents, const struct agent *agent,
                       const struct condition *condition, struct subject *subject) {
	bool by_name = strcmp(condition->field->name, "ancestor") == 0;
	const char *kind = by_name ? "ancestor" : "exe";
	const char *sign = condition->variable;
	enum fit fit;

	if (condition->variable != NULL) {
		kind = "env";
		fit = test_env(condition, subject);
	} else {
		sign = condition->patterns[0].source;
		fit = by_name ? name_test(condition, subject)
		              : exe_test(condition, subject->request->caller);
	}
	if (fit == FIT_YES)
		found(agents, agent->name, kind, sign);
	else if (fit != FIT_NO)
		agents->complete = false;
	return fit == FIT_YES;
}

static void try_agent(struct coding_agents *agents, const struct agent *agent,
                      struct subject *subject) {
	for (size_t i = 0; i < agent->signs.n_conditions; i++) {
		const struct condition *condition = &agent->signs.conditions[i];
		struct condition one = *condition;

		if (condition->variable != NULL) {
			if (sign_tells(agents, agent, condition, subject))
				return;
			continue;
		}
		one.n_patterns = 1;
		for (size_t j = 0; j < condition->n_patterns; j++) {
			one.patterns = &condition->patterns[j];
			if (sign_tells(agents, agent, &one, subject))
				return;
		}
	}
}

/* An interpreter without arguments that can be read may run anything. */
static bool is_readable(const struct process *process) {
	return process->foreign || (process->title != NULL && process->argv != NULL);
}

struct coding_agents policy_coding_agents(const struct policy *policy,
                                          const struct request *request) {
	const struct caller *caller = request->caller;
	struct coding_agents agents = {0};
	struct subject subject;

	if (caller->state != CALLER_IDENTIFIED)
		return agents;
	subject_init(&subject, request);
	agents.complete = is_readable(&caller->process);
	for (size_t i = 0; i < caller->n_ancestors && agents.complete; i++)
		agents.complete = is_readable(&caller->ancestors[i]);
	for (size_t i = 0; i < policy->n_agents; i++)
		try_agent(&agents, &policy->agents[i], &subject);
	return agents;
}

bool policy_defines_agents(const struct policy *policy) {
	return policy->n_own_agents > 0;
}
