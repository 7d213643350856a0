/* The rules of a policy file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "policy/confirm_read.h"
#include "policy/endpoint.h"
#include "policy/loader.h"
#include "policy/log_settings.h"
#include "policy/match_read.h"

#define RULE_NAME_LEN_MAX 128 /* it stands in every event of that rule */

static int read_match(struct loader *loader, const struct yaml_node *value) {
	if (!read_map(&loader->reading, "match", value,
	              "write match: {} for a rule that fits everything"))
		return 0;
	return match_read(&loader->rule->match, &loader->reading, value);
}

static int read_unless(struct loader *loader, const struct yaml_node *value) {
	static const char advice[] = "write a field or leave unless out";

	if (!read_map(&loader->reading, "unless", value, advice))
		return 0;
	if (value->count == 0)
		REPORT(&loader->reading, value,
		       "unless: an empty map, which would always take the rule back; %s", advice);
	return match_read(&loader->rule->unless, &loader->reading, value);
}

static bool is_reserved(const char *name) {
	if (strcmp(name, "default") == 0)
		return true;
	return strncmp(name, "rule-", 5) == 0 && name[5] != '\0' &&
	       name[5 + strspn(name + 5, "0123456789")] == '\0';
}

static int read_name(struct loader *loader, const struct yaml_node *value) {
	const char *name = read_text(&loader->reading, "name", value);

	/* A second name in one rule is reported as a duplicate key already. */
	if (name == NULL || loader->rule->name != NULL)
		return 0;
	if (is_reserved(name))
		REPORT(&loader->reading, value,
		       "name: %.60s: reserved for rules without a name and for the default; "
		       "choose another",
		       name);
	if (strlen(name) > RULE_NAME_LEN_MAX)
		REPORT(&loader->reading, value, "name: %.60s...: more than %d bytes; shorten it",
		       name, RULE_NAME_LEN_MAX);
	loader->rule->name = strdup(name);
	loader->names[loader->n_names++] = value;
	return loader->rule->name == NULL ? -ENOMEM : 0;
}

static int read_rule_action(struct loader *loader, const struct yaml_node *value) {
	loader_read_action(loader, "action", value, &loader->rule->action);
	return 0;
}

static int read_rule_confirm(struct loader *loader, const struct yaml_node *value) {
	confirm_read_terms(&loader->rule->confirm, &loader->reading, value);
	return 0;
}

static int read_limit(struct loader *loader, const struct yaml_node *value) {
	const char *text = read_text(&loader->reading, "limit", value);
	const char *wrong = text != NULL ? limit_parse(&loader->rule->limit, text) : NULL;

	if (wrong == NULL && loader->policy->is_floor)
		wrong = "a floor counts nothing; write it in the policy";
	if (wrong != NULL)
		REPORT(&loader->reading, value, "limit: %.60s: %s", text != NULL ? text : "",
		       wrong);
	loader->policy->has_limits = true;
	return 0;
}

static int read_notify(struct loader *loader, const struct yaml_node *value) {
	loader->rule->notify = read_boolean_of(&loader->reading, "notify", value) ? TRI_YES
	                                                                          : TRI_NO;
	return 0;
}

static int read_rule_log(struct loader *loader, const struct yaml_node *value) {
	loader->rule->log = log_detail_read(&loader->reading, "log", value);
	return 0;
}

static uint64_t fields_of(const struct match *match) {
	uint64_t bits = 0;

	for (size_t i = 0; i < match->n_conditions; i++)
		if ((match->conditions[i].field->traits & FIELD_OPERATION) == 0)
			bits |= UINT64_C(1) << (match->conditions[i].field - fields);
	return bits;
}

static bool pattern_may_mean_exec(const struct pattern *pattern) {
	const struct glob *glob = &pattern->glob;
	size_t len = strlen(ENDPOINT_EXEC);

	if (pattern->regex != NULL)
		return true;
	if (glob->prefix_len < len)
		return glob->n_tokens > 0 && memcmp(glob->prefix, ENDPOINT_EXEC, glob->prefix_len) == 0;
	return memcmp(glob->prefix, ENDPOINT_EXEC, len) == 0;
}

static bool may_mean_exec(const struct match *match) {
	for (size_t i = 0; i < match->n_conditions; i++) {
		const struct condition *condition = &match->conditions[i];

		if (strcmp(condition->field->name, "endpoint") != 0)
			continue;
		for (size_t j = 0; j < condition->n_patterns; j++)
			if (pattern_may_mean_exec(&condition->patterns[j]))
				return true;
	}
	return false;
}

static unsigned operations_of(const struct match *match) {
	for (size_t i = 0; i < match->n_conditions; i++)
		if ((match->conditions[i].field->traits & FIELD_OPERATION) != 0)
			return match->conditions[i].wanted;
	return 1U << OPERATION_SIGN;
}

/* Whoever allows ssh, or a key, does not think of what it might sign besides: a CA's signature, or
 * a token. */
static unsigned sign_types_of(const struct rule *rule) {
	const struct match *match = &rule->match;

	for (size_t i = 0; i < match->n_conditions; i++)
		if ((match->conditions[i].field->traits & FIELD_SIGN_TYPE) != 0)
			return match->conditions[i].wanted;
	return 1U << PAYLOAD_SSH_LOGIN | 1U << PAYLOAD_SSHSIG |
	       (rule->action != ACTION_ALLOW ? 1U << PAYLOAD_UNKNOWN : 0);
}

static int read_rule(struct loader *loader, const struct yaml_node *node, size_t number) {
	static const struct key keys[] = {
		{"name", read_name, NULL},
		{"match", read_match, "write match: {} for a rule that fits everything"},
		{"unless", read_unless, NULL},
		{"action", read_rule_action, "write action: allow, deny or confirm"},
		{"confirm", read_rule_confirm, NULL},
		{"limit", read_limit, NULL},
		{"notify", read_notify, NULL},
		{"log", read_rule_log, NULL},
	};
	struct rule *rule = loader->rule;
	int error;

	if (!read_map(&loader->reading, "a rule", node, "write match: and action:"))
		return 0;
	error = loader_walk_map(loader, node, keys, sizeof(keys) / sizeof(keys[0]));
	if (error < 0)
		return error;
	if (rule->confirm.scope != 0 && rule->action != ACTION_CONFIRM)
		REPORT(&loader->reading, node, "confirm: stands only where action: confirm does");
	if (rule->limit.count > 0 && rule->action == ACTION_DENY)
		REPORT(&loader->reading, node, "limit: this rule lets nothing through; %s",
		       "leave it out, or write action: allow or confirm");
	rule->file = node->file;
	rule->line = node->line;
	rule->column = node->column;
	rule->fields = fields_of(&rule->match);
	loader->policy->asks |= rule->fields | fields_of(&rule->unless);
	rule->operations = operations_of(&rule->match);
	rule->sign_types = sign_types_of(rule);
	rule->names_endpoint = match_names(&rule->match, "endpoint");
	rule->may_mean_exec = may_mean_exec(&rule->match);
	if (rule->name == NULL && asprintf(&rule->name, "rule-%zu", number) < 0) {
		rule->name = NULL;
		return -ENOMEM;
	}
	return 0;
}

void loader_check_names(struct loader *loader) {
	char place[PLACE_TEXT_SIZE];

	/* The older one told no rule by its name. */
	if (loader->policy->old)
		return;
	yaml_nodes_sort(loader->names, loader->n_names);
	for (size_t i = 1; i < loader->n_names; i++) {
		const struct yaml_node *node = loader->names[i], *other = loader->names[i - 1];

		if (strcmp(node->text, other->text) == 0)
			REPORT(&loader->reading, node,
			       "name: %.60s: the rule with its name in %s is called so, too; "
			       "rename one",
			       node->text, place_text(place, node->file, other->file, other->line));
	}
}

static int make_room(struct loader *loader, size_t count) {
	struct policy *policy = loader->policy;
	size_t n_rules = policy->n_rules + count;
	struct rule *rules = array_resize(policy->rules, n_rules + 1, sizeof(*rules));
	const struct yaml_node **names;

	if (rules == NULL)
		return -ENOMEM;
	policy->rules = rules;
	names = array_resize(loader->names, n_rules + 1, sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	loader->names = names;
	return 0;
}

int loader_read_rules(struct loader *loader, const struct yaml_node *value) {
	struct policy *policy = loader->policy;
	int error;

	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_LIST) {
		REPORT(&loader->reading, value,
		       "rules: not a list; begin each rule with \"- \", or write rules: [] for "
		       "none");
		return 0;
	}
	error = make_room(loader, value->count);
	for (const struct yaml_node *node = value->first; node != NULL && error == 0;
	     node = node->next) {
		loader->rule = &policy->rules[policy->n_rules++];
		*loader->rule = (struct rule){0};
		error = read_rule(loader, node, policy->n_rules);
	}
	return error;
}
