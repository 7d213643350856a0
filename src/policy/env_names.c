#include "policy/env_names.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

#define CAPTURED_MAX 64 /* each stands in every event */

static bool is_name(const char *text) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_";
	size_t len = strspn(text, letters);

	return len > 0 && len <= VARIABLE_LEN_MAX &&
	       (text[len] == '\0' || strcmp(text + len, "*") == 0);
}

static int read_name(struct policy *policy, struct reading *reading,
                     const struct yaml_node *value) {
	const char *text = read_text(reading, "capture_extra_env_vars", value);

	if (text == NULL)
		return 0;
	if (!is_name(text)) {
		REPORT(reading, value,
		       "capture_extra_env_vars: %.60s: not the name of a variable, nor the "
		       "beginning of some with a * behind it",
		       text);
		return 0;
	}
	policy->captured[policy->n_captured] = strdup(text);
	return policy->captured[policy->n_captured++] != NULL ? 0 : -ENOMEM;
}

int env_names_read(struct policy *policy, struct reading *reading, const struct yaml_node *value) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;
	size_t count = value->kind == TREE_LIST ? value->count : 1;

	char **captured;

	if (count > CAPTURED_MAX - policy->n_captured) {
		REPORT(reading, value, "capture_extra_env_vars: more than %d names; write fewer",
		       CAPTURED_MAX);
		return 0;
	}
	captured = array_resize(policy->captured, policy->n_captured + count + 1,
	                        sizeof(*captured));
	if (captured == NULL)
		return -ENOMEM;
	policy->captured = captured;
	for (; item != NULL; item = value->kind == TREE_LIST ? item->next : NULL) {
		int error = read_name(policy, reading, item);

		if (error < 0)
			return error;
	}
	return 0;
}

static int add(struct policy *policy, const char *name) {
	for (size_t i = 0; i < policy->n_env_names; i++)
		if (strcmp(policy->env_names[i], name) == 0)
			return 0;
	if (policy->n_env_names == ENV_NAMES_COLLECTED_MAX)
		return -E2BIG;
	policy->env_names[policy->n_env_names++] = name;
	return 0;
}

static int add_match(struct policy *policy, const struct match *match) {
	int error = 0;

	for (size_t i = 0; i < match->n_conditions && error == 0; i++)
		if (match->conditions[i].variable != NULL)
			error = add(policy, match->conditions[i].variable);
	return error;
}

int env_names_collect(struct policy *policy) {
	int error = 0;

	policy->env_names = calloc(ENV_NAMES_COLLECTED_MAX, sizeof(char *));
	if (policy->env_names == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < policy->n_agents && error == 0; i++)
		error = add_match(policy, &policy->agents[i].signs);
	for (size_t i = 0; i < policy->n_captured && error == 0; i++)
		error = add(policy, policy->captured[i]);
	for (size_t i = 0; i < policy->n_rules && error == 0; i++) {
		error = add_match(policy, &policy->rules[i].match);
		if (error == 0)
			error = add_match(policy, &policy->rules[i].unless);
	}
	return error;
}
