/*
 * From the tree of a policy file to a policy. What each map may hold stands in a table; what is
 * wrong is reported and passed over, so that a person sees all of it at once.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "policy/agents.h"
#include "policy/confirm_read.h"
#include "policy/endpoint.h"
#include "policy/env_names.h"
#include "policy/hidden.h"
#include "policy/host_names.h"
#include "policy/include.h"
#include "policy/loader.h"
#include "policy/log_settings.h"
#include "policy/pinned.h"
#include "policy/renderers_read.h"
#include "policy/tell_read.h"

int loader_walk_map(struct loader *loader, const struct yaml_node *map, const struct key *keys,
                    size_t n_keys) {
	const char *names[FIELDS_MAX];
	bool seen[FIELDS_MAX] = {false};
	bool is_merged = false;
	size_t n_names = 0;

	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].read != NULL)
			names[n_names++] = keys[i].name;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t i = 0;
		int error;

		is_merged = is_merged || yaml_is_merge(key);
		if (key->kind == TREE_BROKEN)
			continue;
		while (i < n_keys && strcmp(keys[i].name, key->text) != 0)
			i++;
		if (i == n_keys) {
			report_unknown_field(&loader->reading, key, names, n_names);
			continue;
		}
		if (keys[i].read == NULL) {
			REPORT(&loader->reading, key,
			       "%s: stands in the policy itself alone, not in a file that it "
			       "includes; "
			       "move it there",
			       key->text);
			continue;
		}
		seen[i] = true;
		/* There, a name with nothing behind it is as if it were not there. */
		if (loader->policy->old && map == loader->root && key->next->kind == TREE_TEXT &&
		    yaml_scalar(key->next) == SCALAR_NULL)
			continue;
		error = keys[i].read(loader, key->next);
		if (error < 0)
			return error;
	}
	for (size_t i = 0; i < n_keys; i++)
		if (!seen[i] && keys[i].missing != NULL && !is_merged)
			REPORT(&loader->reading, map, "%s: missing; %s", keys[i].name,
			       keys[i].missing);
	return 0;
}

/* Leaves *ret alone where the value is none. */
void loader_read_action(struct loader *loader, const char *what, const struct yaml_node *value,
                        enum action *ret) {
	static const char *const names[] = {"allow", "deny", "confirm"};
	static const enum action actions[] = {ACTION_ALLOW, ACTION_DENY, ACTION_CONFIRM};
	int index = read_word(&loader->reading, what, value, names, 3);

	if (index >= 0)
		*ret = actions[index];
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
static bool is_old(const struct yaml_node *root) {
	const struct yaml_node *key = root->kind == TREE_MAP ? root->first : NULL;

	for (; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT && strcmp(key->text, "version") == 0)
			return is_version(key->next, "0");
	return is_old_place(root->file);
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
	loader_read_action(loader, "default_action", value, &loader->policy->default_action);
	return 0;
}

static int read_default_change_action(struct loader *loader, const struct yaml_node *value) {
	loader_read_action(loader, "default_change_action", value,
	                   &loader->policy->default_change_action);
	return 0;
}

static int read_require_proof(struct loader *loader, const struct yaml_node *value) {
	loader->policy->require_proof = read_boolean_of(&loader->reading, "require_proof", value);
	return 0;
}

static int read_lock(struct loader *loader, const struct yaml_node *value) {
	loader->policy->locks = read_boolean_of(&loader->reading, "lock", value);
	return 0;
}

static int read_known_files(struct loader *loader, const struct yaml_node *value) {
	return known_files_read(&loader->policy->known_files, &loader->reading, value);
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
	struct policy *policy = loader->policy;
	int error;

	confirm_read_settings(&policy->confirm, &loader->reading, value);
	error = confirm_read_screen_state(&policy->screen_state, &loader->reading, value);
	if (error == 0)
		error = pinned_read(&policy->pinned, policy->is_floor, &loader->reading, value);
	/* Beside them, a PIN is what a program of the user could set anew. */
	if (policy->pinned.count > 0 && policy->confirm.methods_named == 0)
		policy->confirm.methods = policy->confirm.methods_named = CONFIRM_TOUCH;
	return error;
}

/* As --upstream has it; but a path is one from / or ~/ on, because a file has no directory where it
 * is started. */
static int read_upstream(struct loader *loader, const struct yaml_node *value) {
	struct policy *policy = loader->policy;
	const char *text = read_text(&loader->reading, "upstream", value);
	int error = 0;

	if (text == NULL)
		return 0;
	if (strcmp(text, UPSTREAM_MANAGED) == 0 || strcmp(text, UPSTREAM_MANAGED ":ssh-agent") == 0)
		policy->upstream = strdup(UPSTREAM_MANAGED);
	else if (strcmp(text, UPSTREAM_MANAGED_GPG) == 0)
		policy->upstream = strdup(UPSTREAM_MANAGED_GPG);
	else if (text[0] == '/' || strncmp(text, "~/", 2) == 0)
		policy->upstream = read_place(&loader->reading, "upstream", value, &error);
	else
		REPORT(&loader->reading, value,
		       "upstream: %.60s: write managed, managed:gpg-agent, or the path of the real "
		       "agent's socket from / or ~/ on",
		       text);
	if (policy->upstream == NULL && loader->reading.problems->count == 0)
		error = -ENOMEM;
	return error;
}

static int read_tell(struct loader *loader, const struct yaml_node *value) {
	return tell_read(&loader->policy->tell, &loader->reading, value);
}

static int read_status(struct loader *loader, const struct yaml_node *value) {
	return renderers_read(&loader->policy->renderers, &loader->reading, value);
}

/* Read already, before all else. */
static int skip(struct loader *loader, const struct yaml_node *value) {
	(void)loader, (void)value;
	return 0;
}

/* What a file may hold that a policy includes: lists, and nothing that says how all is decided, so
 * that one look at the policy itself tells that. */
static int read_included(struct loader *loader, const struct yaml_node *root) {
	static const struct key keys[] = {
		{"version", read_version, NULL},
		{"include", skip, NULL},
		{"define", skip, NULL},
		{"coding_agents", read_coding_agents, NULL},
		{"capture_extra_env_vars", read_captured, NULL},
		{"rules", loader_read_rules, NULL},
		{"default_action", NULL, NULL},
		{"default_change_action", NULL, NULL},
		{"endpoints", NULL, NULL},
		{"hide_denied_keys", NULL, NULL},
		{"confirm", NULL, NULL},
		{"upstream", NULL, NULL},
		{"tell", NULL, NULL},
		{"status", NULL, NULL},
		{"lock", NULL, NULL},
		{"known_hosts", NULL, NULL},
		{"log", NULL, NULL},
		{"require_proof", NULL, NULL},
		{"path", NULL, NULL},
	};

	if (!read_map(&loader->reading, "the file", root, "write rules: or define:"))
		return 0;
	return loader_walk_map(loader, root, keys, sizeof(keys) / sizeof(keys[0]));
}

static int read_itself(struct loader *loader, const struct yaml_node *root) {
	const struct key keys[] = {
		{"version", read_version, NULL},
		{"include", skip, NULL},
		{"default_action", read_default_action,
	         loader->policy->is_floor || loader->policy->old
	                 ? NULL
	                 : "write default_action: allow, deny or confirm"},
		{"default_change_action", read_default_change_action, NULL},
		{"endpoints", read_endpoints, NULL},
		{"hide_denied_keys", read_hide_denied_keys, NULL},
		{"confirm", read_confirm, NULL},
		{"upstream", read_upstream, NULL},
		{"tell", read_tell, NULL},
		{"status", read_status, NULL},
		{"lock", read_lock, NULL},
		{"known_hosts", read_known_files, NULL},
		{"log", read_log, NULL},
		{"require_proof", read_require_proof, NULL},
		{"coding_agents", read_coding_agents, NULL},
		{"capture_extra_env_vars", read_captured, NULL},
		{"define", skip, NULL},
		{"path", read_path_of_old, NULL},
		{"rules", loader_read_rules, NULL},
	};

	if (!read_map(&loader->reading, "the policy", root, "write at least default_action: deny"))
		return 0;
	if (loader->policy->old && !loader->policy->is_floor) {
		loader->policy->lacks_default = !has_key(root, "default_action");
		loader->policy->default_action = ACTION_CONFIRM;
	}
	return loader_walk_map(loader, root, keys, sizeof(keys) / sizeof(keys[0]));
}

/* The policy itself is the last of the parts. */
static int read_parts(struct loader *loader, const struct parts *parts) {
	const struct part *itself = &parts->items[parts->count - 1];
	int error = 0;

	loader->root = itself->root;
	loader->policy->old = loader->reading.context.old = is_old(itself->root);
	/* There a person said yes by the slots of a YubiKey. */
	if (loader->policy->old) {
		loader->policy->confirm.methods |= CONFIRM_OTP | CONFIRM_OTP_PIN;
		/* And nobody has said in which order. */
		loader->policy->confirm.order.is_any = true;
	}
	for (size_t i = 0; i < parts->count; i++)
		if (parts->items[i].root->kind == TREE_MAP)
			definitions_read(&loader->definitions, &loader->reading,
			                 parts->items[i].root);
	loader->reading.definitions = &loader->definitions;
	for (size_t i = 0; i + 1 < parts->count && error == 0; i++)
		error = read_included(loader, parts->items[i].root);
	if (error == 0)
		error = read_itself(loader, itself->root);
	loader_check_names(loader);
	return error;
}

/* Only of rules that have no other mistake: what could not be read would seem to fit all. */
static void check_hidden(const struct policy *policy, struct problems *problems) {
	size_t steps_left = HIDDEN_STEPS_MAX;
	char place[PLACE_TEXT_SIZE];

	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		size_t hider = hidden_by(policy, i, HIDER_OF_ANOTHER_ACTION, &steps_left);

		if (hider < i)
			problems_add(
				problems, rule->file, rule->line, rule->column,
				"%s: never decides: %s (%s) fits whatever it fits, and says %s; "
				"put it before that rule, or remove it",
				policy->rules[i].name, policy->rules[hider].name,
				place_text(place, rule->file, policy->rules[hider].file,
			                   policy->rules[hider].line),
				action_name(policy->rules[hider].action));
	}
}

static void unref_policy(struct policy **policy) {
	policy_unref(*policy);
}

static int parse(struct policy *policy, struct bytes text, const char *file,
                 const struct surroundings *surroundings, struct problems *problems) {
	struct loader loader = {
		.policy = policy,
		.reading = {.problems = problems,
	                    .context = {.home = surroundings != NULL ? surroundings->home : NULL,
	                                .regex_left = REGEX_SIZE_ALL_MAX,
	                                .room = policy->room}},
	};
	CLEANUP(parts_deinit) struct parts parts = {0};
	size_t before = problems_total(problems);
	int error;

	if (surroundings != NULL && surroundings->is_floor) {
		policy->is_floor = true;
		policy->default_action = policy->default_change_action = ACTION_ALLOW;
	}
	error = parts_gather(&parts, policy, text, surroundings, problems);
	if (error == 0)
		error = read_parts(&loader, &parts);
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
		error = host_names_collect(policy);
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
		error = parse(policy, text, file, surroundings, problems);
	problems_sort(problems, first);
	if (error == 0 && problems_total(problems) != before)
		error = -EINVAL;
	if (error < 0)
		return error;
	*ret = TAKE(policy);
	return 0;
}
