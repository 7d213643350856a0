/*
 * From the tree of a policy file to a policy. What each map may hold stands in a table; what is
 * wrong is reported and passed over, so that a person sees all of it at once.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "policy/agents.h"
#include "policy/confirm_read.h"
#include "policy/define.h"
#include "policy/endpoint.h"
#include "policy/env_names.h"
#include "policy/hidden.h"
#include "policy/log_settings.h"
#include "policy/match_read.h"
#include "policy/reading.h"
#include "policy/rule.h"
#include "policy/yaml_tree.h"

#define RULE_NAME_LEN_MAX 128 /* it stands in every event of that rule */

struct loader {
	struct reading reading;
	struct policy *policy;
	struct rule *rule;              /* the one that is read */
	struct definitions definitions; /* which reading borrows */
	const struct yaml_node **names; /* of rules that have one, for duplicates; owned */
	size_t n_names;
};

/* A name that may stand in a map. Only -ENOMEM is an error: the rest is reported. */
struct key {
	const char *name;
	int (*read)(struct loader *loader, const struct yaml_node *value);
	const char *missing; /* what to say where it must stand and does not; NULL: it need not */
};

static int walk_map(struct loader *loader, const struct yaml_node *map, const struct key *keys,
                    size_t n_keys) {
	const char *names[FIELDS_MAX];
	bool seen[FIELDS_MAX] = {false};

	for (size_t i = 0; i < n_keys; i++)
		names[i] = keys[i].name;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t i = 0;
		int error;

		if (key->kind == TREE_BROKEN)
			continue;
		while (i < n_keys && strcmp(keys[i].name, key->text) != 0)
			i++;
		if (i == n_keys) {
			report_unknown_field(&loader->reading, key, names, n_keys);
			continue;
		}
		seen[i] = true;
		error = keys[i].read(loader, key->next);
		if (error < 0)
			return error;
	}
	for (size_t i = 0; i < n_keys; i++)
		if (!seen[i] && keys[i].missing != NULL)
			REPORT(&loader->reading, map, "%s: missing; %s", keys[i].name,
			       keys[i].missing);
	return 0;
}

/* Leaves *ret alone where the value is none. */
static int read_action(struct loader *loader, const char *what, const struct yaml_node *value,
                       enum action *ret) {
	static const char *const names[] = {"allow", "deny", "confirm"};
	static const enum action actions[] = {ACTION_ALLOW, ACTION_DENY, ACTION_CONFIRM};
	int index = read_word(&loader->reading, what, value, names, 3);

	if (index >= 0)
		*ret = actions[index];
	return 0;
}

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
	return read_action(loader, "action", value, &loader->rule->action);
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

static uint64_t fields_of(const struct match *match) {
	uint64_t bits = 0;

	for (size_t i = 0; i < match->n_conditions; i++)
		if ((match->conditions[i].field->traits & FIELD_OPERATION) == 0)
			bits |= UINT64_C(1) << (match->conditions[i].field - fields);
	return bits;
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
	};
	struct rule *rule = loader->rule;
	int error;

	if (!read_map(&loader->reading, "a rule", node, "write match: and action:"))
		return 0;
	error = walk_map(loader, node, keys, sizeof(keys) / sizeof(keys[0]));
	if (error < 0)
		return error;
	if (rule->confirm.scope != 0 && rule->action != ACTION_CONFIRM)
		REPORT(&loader->reading, node, "confirm: stands only where action: confirm does");
	if (rule->limit.count > 0 && rule->action == ACTION_DENY)
		REPORT(&loader->reading, node, "limit: this rule lets nothing through; %s",
		       "leave it out, or write action: allow or confirm");
	rule->line = node->line;
	rule->column = node->column;
	rule->fields = fields_of(&rule->match);
	rule->operations = operations_of(&rule->match);
	rule->sign_types = sign_types_of(rule);
	rule->names_endpoint = match_names(&rule->match, "endpoint");
	if (rule->name == NULL && asprintf(&rule->name, "rule-%zu", number) < 0) {
		rule->name = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void check_names(struct loader *loader) {
	/* The older one told no rule by its name. */
	if (loader->policy->old)
		return;
	yaml_nodes_sort(loader->names, loader->n_names);
	for (size_t i = 1; i < loader->n_names; i++)
		if (strcmp(loader->names[i]->text, loader->names[i - 1]->text) == 0)
			REPORT(&loader->reading, loader->names[i],
			       "name: %.60s: the rule with its name in line %zu is called so, "
			       "too; rename one",
			       loader->names[i]->text, loader->names[i - 1]->line);
}

static int read_rules(struct loader *loader, const struct yaml_node *value) {
	struct policy *policy = loader->policy;

	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_LIST || policy->rules != NULL) {
		if (value->kind != TREE_LIST)
			REPORT(&loader->reading, value,
			       "rules: not a list; begin each rule with \"- \", or write rules: [] "
			       "for none");
		return 0; /* a second list is reported as a duplicate key already */
	}
	policy->rules = calloc(value->count + 1, sizeof(*policy->rules));
	loader->names = calloc(value->count + 1, sizeof(struct yaml_node *));
	if (policy->rules == NULL || loader->names == NULL)
		return -ENOMEM;
	for (const struct yaml_node *node = value->first; node != NULL; node = node->next) {
		int error;

		loader->rule = &policy->rules[policy->n_rules++];
		error = read_rule(loader, node, policy->n_rules);
		if (error < 0)
			return error;
	}
	check_names(loader);
	return 0;
}

static bool is_version(const struct yaml_node *value, const char *number) {
	return value->kind == TREE_TEXT && value->plain && strcmp(value->text, number) == 0;
}

static int read_version(struct loader *loader, const struct yaml_node *value) {
	if (value->kind != TREE_BROKEN && !is_version(value, "1") && !is_version(value, "0"))
		REPORT(&loader->reading, value, "version: %.60s: not known; write version: 1",
		       value->kind == TREE_TEXT ? value->text : "no number");
	return 0;
}

/* Where the older ssh-agent-guard had its policy. */
static bool is_old_place(const char *file) {
	static const char old_place[] = "/ssh-ag/policy.yaml";
	size_t len = strlen(file), old_len = strlen(old_place);

	return len >= old_len && strcmp(file + len - old_len, old_place) == 0;
}

static bool has_key(const struct yaml_node *map, const char *name) {
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT && strcmp(key->text, name) == 0)
			return true;
	return false;
}

/* Before all else, because it says how all else is read. */
static bool is_old(const struct loader *loader, const struct yaml_node *root) {
	const struct yaml_node *key = root->kind == TREE_MAP ? root->first : NULL;

	for (; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT && strcmp(key->text, "version") == 0)
			return is_version(key->next, "0");
	return is_old_place(loader->reading.file);
}

/* Where the older one looked for its helpers. */
static int read_path_of_old(struct loader *loader, const struct yaml_node *value) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;

	if (!loader->policy->old)
		REPORT(&loader->reading, value,
		       "path: only in files of version 0, and of no effect there; remove it");
	for (; item != NULL; item = value->kind == TREE_LIST ? item->next : NULL)
		if (read_text(&loader->reading, "path", item) == NULL)
			break;
	return 0;
}

static int read_default_action(struct loader *loader, const struct yaml_node *value) {
	return read_action(loader, "default_action", value, &loader->policy->default_action);
}

static int read_default_change_action(struct loader *loader, const struct yaml_node *value) {
	return read_action(loader, "default_change_action", value,
	                   &loader->policy->default_change_action);
}

static int read_require_proof(struct loader *loader, const struct yaml_node *value) {
	loader->policy->require_proof = read_boolean_of(&loader->reading, "require_proof", value);
	return 0;
}

static int read_log(struct loader *loader, const struct yaml_node *value) {
	log_settings_read(&loader->policy->log, &loader->reading, value);
	return 0;
}

static int read_coding_agents(struct loader *loader, const struct yaml_node *value) {
	return agents_read(loader->policy, &loader->reading, value);
}

static int read_captured(struct loader *loader, const struct yaml_node *value) {
	return env_names_read(loader->policy, &loader->reading, value);
}

static int read_endpoints(struct loader *loader, const struct yaml_node *value) {
	return endpoints_read(loader->policy, &loader->reading, value);
}

static int read_hide_denied_keys(struct loader *loader, const struct yaml_node *value) {
	loader->policy->offers_denied_keys = !read_boolean_of(&loader->reading, "hide_denied_keys",
	                                                      value);
	return 0;
}

static int read_confirm(struct loader *loader, const struct yaml_node *value) {
	confirm_read_settings(&loader->policy->confirm, &loader->reading, value);
	return 0;
}

/* Read already: it may stand below the rules that use it. */
static int skip(struct loader *loader, const struct yaml_node *value) {
	(void)loader, (void)value;
	return 0;
}

static int read_policy(struct loader *loader, const struct yaml_node *root) {
	const struct key keys[] = {
		{"version", read_version, NULL},
		{"default_action", read_default_action,
	         loader->policy->is_floor || is_old(loader, root)
	                 ? NULL
	                 : "write default_action: allow, deny or confirm"},
		{"default_change_action", read_default_change_action, NULL},
		{"endpoints", read_endpoints, NULL},
		{"hide_denied_keys", read_hide_denied_keys, NULL},
		{"confirm", read_confirm, NULL},
		{"log", read_log, NULL},
		{"require_proof", read_require_proof, NULL},
		{"coding_agents", read_coding_agents, NULL},
		{"capture_extra_env_vars", read_captured, NULL},
		{"define", skip, NULL},
		{"path", read_path_of_old, NULL},
		{"rules", read_rules, NULL},
	};

	if (!read_map(&loader->reading, "the policy", root, "write at least default_action: deny"))
		return 0;
	loader->policy->old = loader->reading.context.old = is_old(loader, root);
	if (loader->policy->old && !loader->policy->is_floor) {
		loader->policy->lacks_default = !has_key(root, "default_action");
		loader->policy->default_action = ACTION_CONFIRM;
	}
	definitions_read(&loader->definitions, &loader->reading, root);
	loader->reading.definitions = &loader->definitions;
	return walk_map(loader, root, keys, sizeof(keys) / sizeof(keys[0]));
}

/* Only of rules that have no other mistake: what could not be read would seem to fit all. */
static void check_hidden(const struct policy *policy, struct problems *problems) {
	size_t steps_left = HIDDEN_STEPS_MAX;

	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		size_t hider = hidden_by(policy, i, HIDER_OF_ANOTHER_ACTION, &steps_left);

		if (hider < i)
			problems_add(
				problems, policy->path, rule->line, rule->column,
				"%s: never decides: %s (line %zu) fits whatever it fits, and says "
				"%s; put it before that rule, or remove it",
				policy->rules[i].name, policy->rules[hider].name,
				policy->rules[hider].line,
				action_name(policy->rules[hider].action));
	}
}

static int set_sha256(struct policy *policy, struct bytes text) {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;

	if (EVP_Digest(text.data, text.len, digest, &digest_len, EVP_sha256(), NULL) != 1 ||
	    digest_len != 32)
		return -ENOMEM;
	for (size_t i = 0; i < 32; i++)
		snprintf(policy->sha256 + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static void unref_policy(struct policy **policy) {
	policy_unref(*policy);
}

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

static int parse(struct policy *policy, struct bytes text, const char *file,
                 const struct surroundings *surroundings, struct problems *problems) {
	struct loader loader = {
		.policy = policy,
		.reading = {.file = file,
	                    .problems = problems,
	                    .context = {.home = surroundings != NULL ? surroundings->home : NULL,
	                                .regex_left = REGEX_SIZE_ALL_MAX,
	                                .room = policy->room}},
	};
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	size_t before = problems_total(problems);
	int error;

	if (surroundings != NULL && surroundings->is_floor) {
		policy->is_floor = true;
		policy->default_action = policy->default_change_action = ACTION_ALLOW;
	}
	error = yaml_tree_parse(&root, text, file, problems);

	if (error == 0)
		error = read_policy(&loader, root);
	free(loader.names);
	if (error == 0 && policy->require_proof && !policy->is_floor &&
	    (policy->default_action == ACTION_ALLOW ||
	     policy->default_change_action == ACTION_ALLOW))
		problems_add(problems, file, 0, 0,
		             "require_proof: true: a default that allows proves nothing; write "
		             "deny or confirm");
	if (error == 0 && problems_total(problems) == before)
		check_hidden(policy, problems);
	if (error == 0)
		error = agents_read_builtin(policy);
	if (error == 0)
		error = env_names_collect(policy);
	if (error == -E2BIG) {
		problems_add(problems, file, 0, 0, "env: more than %d variables in all; name fewer",
		             ENV_NAMES_COLLECTED_MAX);
		error = -EINVAL;
	}
	return error;
}

int policy_parse(struct policy **ret, struct bytes text, const char *file,
                 const struct surroundings *surroundings, struct problems *problems) {
	CLEANUP(unref_policy) struct policy *policy = NULL;
	size_t first = problems->count;
	size_t before = problems_total(problems);
	int error = policy_new_empty(&policy, file);

	if (error == 0)
		error = set_sha256(policy, text);
	if (error == 0)
		error = parse(policy, text, file, surroundings, problems);
	problems_sort(problems, first);
	if (error == 0 && problems_total(problems) != before)
		error = -EINVAL;
	if (error < 0)
		return error;
	*ret = TAKE(policy);
	return 0;
}
