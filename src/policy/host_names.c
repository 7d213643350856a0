#include "policy/host_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "policy/rule.h"

/* Doubles the room when it is full, which is at 0, 1, 2, 4, 8 ... */
static int add(struct policy *policy, const char *name) {
	size_t count = policy->n_host_names;
	const char **grown = policy->host_names;

	if ((count & (count - 1)) == 0)
		grown = array_resize(grown, count > 0 ? 2 * count : 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	policy->host_names = grown;
	policy->host_names[policy->n_host_names++] = name;
	return 0;
}

static bool names_hosts(const struct field *field) {
	return strcmp(field->name, "ssh_dest") == 0 || strcmp(field->name, "forwarded_via") == 0;
}

static int add_pattern(struct policy *policy, const struct pattern *pattern) {
	const char *at = strrchr(pattern->source, '@');
	const char *host = at != NULL ? at + 1 : pattern->source;

	if (pattern->regex != NULL || strpbrk(host, "*?") != NULL ||
	    strncmp(host, "SHA256:", 7) == 0)
		return 0;
	return add(policy, host);
}

static int add_match(struct policy *policy, const struct match *match) {
	int error = 0;

	for (size_t i = 0; i < match->n_conditions && error == 0; i++) {
		const struct condition *condition = &match->conditions[i];

		for (size_t j = 0; j < condition->n_patterns && error == 0; j++)
			if (names_hosts(condition->field))
				error = add_pattern(policy, &condition->patterns[j]);
	}
	return error;
}

static int compare(const void *a, const void *b) {
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void drop_doubles(struct policy *policy) {
	size_t count = 0;

	if (policy->n_host_names == 0)
		return;
	qsort(policy->host_names, policy->n_host_names, sizeof(char *), compare);
	for (size_t i = 0; i < policy->n_host_names; i++)
		if (count == 0 || strcmp(policy->host_names[i], policy->host_names[count - 1]) != 0)
			policy->host_names[count++] = policy->host_names[i];
	policy->n_host_names = count;
}

int host_names_collect(struct policy *policy) {
	int error = 0;

	for (size_t i = 0; i < policy->n_rules && error == 0; i++) {
		error = add_match(policy, &policy->rules[i].match);
		if (error == 0)
			error = add_match(policy, &policy->rules[i].unless);
	}
	drop_doubles(policy);
	return error;
}
