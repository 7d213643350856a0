/*
 * From the tree of a policy file to a policy. What each map may hold stands in a table; what is
 * wrong is reported and passed over, so that a person sees all of it at once.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "policy/define.h"
#include "policy/hidden.h"
#include "policy/reading.h"
#include "policy/rule.h"
#include "policy/yaml_tree.h"

#define RULE_NAME_LEN_MAX    128    /* it stands in every event of that rule */
#define VARIABLE_LEN_MAX     128    /* of the name of an environment variable */
#define VARIABLES_MAX        64     /* of one match: pairs of rules are compared, all with all */
#define CONDITION_VALUES_MAX 250000 /* as YAML_NODES_MAX */

struct loader {
	struct reading reading;
	struct policy *policy;
	struct rule *rule; /* the one that is read */
	struct definitions definitions;
	const struct yaml_node **names; /* of rules that have one, for duplicates; owned */
	size_t n_names;
};

/* A name that may stand in a map. Only -ENOMEM is an error: the rest is reported. */
struct key {
	const char *name;
	int (*read)(struct loader *loader, const struct yaml_node *value);
	const char *missing; /* what to say where it must stand and does not; NULL: it need not */
};

static bool is_map(struct loader *loader, const char *what, const struct yaml_node *node,
                   const char *advice) {
	const char *found = "";

	switch (node->kind) {
	case TREE_MAP: return true;
	case TREE_BROKEN: return false;
	case TREE_LIST: found = "a list"; break;
	case TREE_TEXT: found = yaml_scalar(node) == SCALAR_NULL ? "empty" : "one value"; break;
	}
	REPORT(&loader->reading, node, "%s: %s, where a map of fields stands; %s", what, found,
	       advice);
	return false;
}

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

/* A short file must not become a huge policy by what its definitions stand for. */
static bool is_one_too_many(struct loader *loader, const struct yaml_node *value) {
	if (++loader->reading.n_values != CONDITION_VALUES_MAX)
		return loader->reading.n_values > CONDITION_VALUES_MAX;
	REPORT(&loader->reading, value, "more than %d values with all definitions put in; %s",
	       CONDITION_VALUES_MAX, "no policy needs as many");
	return true;
}

/* One value, or all those that a definition stands for. */
static int read_value(struct loader *loader, struct condition *condition,
                      const struct yaml_node *value) {
	const struct yaml_node *values = value;
	const struct yaml_node *item;

	if (definition_is_named(value))
		values = definition_find(&loader->definitions, &loader->reading, value);
	if (values == NULL)
		return 0;
	item = values != value && values->kind == TREE_LIST ? values->first : values;
	while (item != NULL && !is_one_too_many(loader, value)) {
		int error = condition->field->read(condition, &loader->reading, item);

		if (error < 0)
			return error;
		item = item != values ? item->next : NULL;
	}
	return 0;
}

/* variable: of a field that has them, one of its keys; else NULL. */
static int read_condition(struct loader *loader, struct match *match, const struct field *field,
                          const char *variable, const struct yaml_node *value) {
	struct condition *conditions = array_resize(match->conditions, match->n_conditions + 1,
	                                            sizeof(*conditions));
	struct condition *condition;

	if (conditions == NULL)
		return -ENOMEM;
	match->conditions = conditions;
	condition = &conditions[match->n_conditions++];
	*condition = (struct condition){.field = field};
	if (variable != NULL && (condition->variable = strdup(variable)) == NULL)
		return -ENOMEM;
	if (value->kind != TREE_LIST)
		return read_value(loader, condition, value);
	if (value->count == 0)
		REPORT(&loader->reading, value,
		       "%s: an empty list, which does not mean \"anything\"; %s", field->name,
		       "write a value or leave the field out");
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
		int error = read_value(loader, condition, item);

		if (error < 0)
			return error;
	}
	return 0;
}

/* Nothing that an environment could hold, or nothing that a person could mean. */
static bool is_variable(struct loader *loader, const struct field *field,
                        const struct yaml_node *key) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_";

	if (key->kind != TREE_TEXT)
		return false;
	if (*key->text != '\0' && key->text[strspn(key->text, letters)] == '\0' &&
	    strlen(key->text) <= VARIABLE_LEN_MAX)
		return true;
	REPORT(&loader->reading, key, "%s: %.60s: not the name of a variable", field->name,
	       *key->text != '\0' ? key->text : "empty");
	return false;
}

static int read_variables(struct loader *loader, struct match *match, const struct field *field,
                          const struct yaml_node *map) {
	if (!is_map(loader, field->name, map, "write NAME: VALUE"))
		return 0;
	if (map->count == 0 || map->count / 2 > VARIABLES_MAX)
		REPORT(&loader->reading, map, "%s: %s", field->name,
		       map->count == 0 ? "an empty map, which does not mean \"anything\"; write "
		                         "NAME: VALUE or leave the field out"
		                       : "too many variables; write fewer");
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		int error = 0;

		if (map->count / 2 <= VARIABLES_MAX && is_variable(loader, field, key))
			error = read_condition(loader, match, field, key->text, key->next);
		if (error < 0)
			return error;
	}
	return 0;
}

static bool match_names(const struct match *match, const char *field_name) {
	for (size_t i = 0; i < match->n_conditions; i++)
		if (strcmp(match->conditions[i].field->name, field_name) == 0)
			return true;
	return false;
}

static int read_fields(struct loader *loader, struct match *match, const struct yaml_node *map) {
	const char *names[FIELDS_MAX];

	for (size_t i = 0; i < n_fields; i++)
		names[i] = fields[i].name;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		const struct field *field;
		int error;

		if (key->kind == TREE_BROKEN)
			continue;
		field = field_find(key->text);
		if (field == NULL) {
			report_unknown_field(&loader->reading, key, names, n_fields);
			continue;
		}
		/* A field that stands twice is reported as a duplicate key already. */
		if (match_names(match, field->name))
			continue;
		if ((field->traits & FIELD_VARIABLES) != 0)
			error = read_variables(loader, match, field, key->next);
		else
			error = read_condition(loader, match, field, NULL, key->next);
		if (error < 0)
			return error;
	}
	return 0;
}

/* What a match says of evidence holds for all that it says of a destination. */
static void set_evidence(struct match *match) {
	bool takes_bound = false;

	for (size_t i = 0; i < match->n_conditions; i++)
		if ((match->conditions[i].field->traits & FIELD_EVIDENCE) != 0)
			takes_bound = (match->conditions[i].wanted & 1U << MEETING_BOUND) != 0;
	for (size_t i = 0; i < match->n_conditions; i++)
		match->conditions[i].takes_bound = takes_bound;
}

static int read_match(struct loader *loader, const struct yaml_node *value) {
	if (!is_map(loader, "match", value, "write match: {} for a rule that fits everything"))
		return 0;
	return read_fields(loader, &loader->rule->match, value);
}

static int read_unless(struct loader *loader, const struct yaml_node *value) {
	static const char advice[] = "write a field or leave unless out";

	if (!is_map(loader, "unless", value, advice))
		return 0;
	if (value->count == 0)
		REPORT(&loader->reading, value,
		       "unless: an empty map, which would always take the rule back; %s", advice);
	return read_fields(loader, &loader->rule->unless, value);
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
	};
	struct rule *rule = loader->rule;
	int error;

	if (!is_map(loader, "a rule", node, "write match: and action:"))
		return 0;
	error = walk_map(loader, node, keys, sizeof(keys) / sizeof(keys[0]));
	if (error < 0)
		return error;
	rule->line = node->line;
	rule->column = node->column;
	rule->fields = fields_of(&rule->match);
	rule->operations = operations_of(&rule->match);
	rule->sign_types = sign_types_of(rule);
	set_evidence(&rule->match);
	set_evidence(&rule->unless);
	rule->names_endpoint = match_names(&rule->match, "endpoint");
	if (rule->name == NULL && asprintf(&rule->name, "rule-%zu", number) < 0) {
		rule->name = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void check_names(struct loader *loader) {
	yaml_nodes_sort(loader->names, loader->n_names);
	for (size_t i = 1; i < loader->n_names; i++)
		if (strcmp(loader->names[i]->text, loader->names[i - 1]->text) == 0)
			REPORT(&loader->reading, loader->names[i],
			       "name: %.60s: the rule with its name in line %zu is called so, "
			       "too; rename one",
			       loader->names[i]->text, loader->names[i - 1]->line);
}

/* Only of rules that have no other mistake: what could not be read would seem to fit all. */
static void check_hidden(struct loader *loader, const struct yaml_node *list) {
	const struct policy *policy = loader->policy;
	size_t steps_left = HIDDEN_STEPS_MAX;
	size_t i = 0;

	for (const struct yaml_node *node = list->first; node != NULL; node = node->next, i++) {
		size_t hider = hidden_by(policy, i, HIDER_OF_ANOTHER_ACTION, &steps_left);

		if (hider < i)
			REPORT(&loader->reading, node,
			       "%s: never decides: %s (line %zu) fits whatever it fits, and says "
			       "%s; put it before that rule, or remove it",
			       policy->rules[i].name, policy->rules[hider].name,
			       policy->rules[hider].line, action_name(policy->rules[hider].action));
	}
}

static int read_rules(struct loader *loader, const struct yaml_node *value) {
	struct policy *policy = loader->policy;
	size_t before = problems_total(loader->reading.problems);

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
	if (problems_total(loader->reading.problems) == before)
		check_hidden(loader, value);
	return 0;
}

static int read_version(struct loader *loader, const struct yaml_node *value) {
	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_TEXT || !value->plain || strcmp(value->text, "1") != 0)
		REPORT(&loader->reading, value, "version: %.60s: not known; write version: 1",
		       value->kind == TREE_TEXT ? value->text : "no number");
	return 0;
}

static int read_default_action(struct loader *loader, const struct yaml_node *value) {
	return read_action(loader, "default_action", value, &loader->policy->default_action);
}

static int read_default_change_action(struct loader *loader, const struct yaml_node *value) {
	return read_action(loader, "default_change_action", value,
	                   &loader->policy->default_change_action);
}

static int read_on_error(struct loader *loader, const struct yaml_node *value) {
	static const char *const names[] = {"deny", "allow"};
	int index = read_word(&loader->reading, "on_error", value, names, 2);

	loader->policy->on_log_error = index == 1 ? ON_LOG_ERROR_ALLOW : ON_LOG_ERROR_DENY;
	return 0;
}

static int read_log(struct loader *loader, const struct yaml_node *value) {
	static const struct key keys[] = {{"on_error", read_on_error, NULL}};

	if (!is_map(loader, "log", value, "write on_error: deny or allow"))
		return 0;
	return walk_map(loader, value, keys, sizeof(keys) / sizeof(keys[0]));
}

/* Read already: it may stand below the rules that use it. */
static int skip(struct loader *loader, const struct yaml_node *value) {
	(void)loader, (void)value;
	return 0;
}

static int read_policy(struct loader *loader, const struct yaml_node *root) {
	static const struct key keys[] = {
		{"version", read_version, NULL},
		{"default_action", read_default_action,
	         "write default_action: allow, deny or confirm"},
		{"default_change_action", read_default_change_action, NULL},
		{"log", read_log, NULL},
		{"define", skip, NULL},
		{"rules", read_rules, NULL},
	};

	if (!is_map(loader, "the policy", root, "write at least default_action: deny"))
		return 0;
	definitions_read(&loader->definitions, &loader->reading, root);
	return walk_map(loader, root, keys, sizeof(keys) / sizeof(keys[0]));
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
	int error = yaml_tree_parse(&root, text, file, problems);

	if (error == 0)
		error = read_policy(&loader, root);
	free(loader.names);
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
