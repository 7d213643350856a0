#include "policy/show.h"

#include <stdio.h>
#include <string.h>

#include "policy/confirm_read.h"
#include "policy/endpoint.h"
#include "policy/field_word.h"
#include "policy/log_settings.h"
#include "policy/pinned.h"
#include "policy/rule.h"

static void put(struct buffer *yaml, const char *text) {
	buffer_put_raw(yaml, bytes_of_text(text));
}

/* Takes one character of UTF-8 off the front; what is none is U+FFFD, and one byte. */
static uint32_t take_character(const char **text) {
	const unsigned char *bytes = (const unsigned char *)*text;
	size_t len = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	uint32_t character = len == 1 ? bytes[0] : bytes[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++) {
		if ((bytes[i] & 0xc0) != 0x80) {
			(*text)++;
			return 0xfffd;
		}
		character = character << 6 | (bytes[i] & 0x3f);
	}
	*text += len;
	return character;
}

/* In double quotes, so that no text is taken for anything else. */
static void put_text(struct buffer *yaml, const char *text) {
	char escape[16];

	put(yaml, "\"");
	while (*text != '\0') {
		uint32_t character = take_character(&text);
		unsigned number = (unsigned)character;

		if (character == '"' || character == '\\')
			snprintf(escape, sizeof(escape), "\\%c", (char)character);
		else if (character >= 0x20 && character < 0x7f)
			snprintf(escape, sizeof(escape), "%c", (char)character);
		else if (character < 0x100)
			snprintf(escape, sizeof(escape), "\\x%02x", number);
		else if (character < 0x10000)
			snprintf(escape, sizeof(escape), "\\u%04x", number);
		else
			snprintf(escape, sizeof(escape), "\\U%08x", number);
		put(yaml, escape);
	}
	put(yaml, "\"");
}

static void put_words(struct buffer *yaml, unsigned wanted, const char *(*word)(unsigned value)) {
	const char *join = "";

	put(yaml, "[");
	for (unsigned value = 0; value < 32; value++) {
		if ((wanted & 1U << value) == 0)
			continue;
		put(yaml, join);
		put(yaml, word(value));
		join = ", ";
	}
	put(yaml, "]\n");
}

/* "~/" stands as it was written; behind it, as far as it is without wildcards, what it means. */
static void put_pattern(struct buffer *yaml, const struct pattern *pattern) {
	put(yaml, "- ");
	put_text(yaml, pattern->source);
	if (pattern->path && pattern->regex == NULL && strncmp(pattern->source, "~/", 2) == 0) {
		put(yaml, " # ");
		put_text(yaml, pattern->glob.prefix);
	}
	put(yaml, "\n");
}

static void put_values(struct buffer *yaml, const struct condition *condition, const char *indent) {
	char text[HOURS_TEXT_SIZE];

	for (size_t i = 0; i < condition->n_patterns; i++) {
		put(yaml, indent);
		put_pattern(yaml, &condition->patterns[i]);
	}
	for (size_t i = 0; i < condition->n_hours; i++) {
		hours_text(text, &condition->hours[i]);
		put(yaml, indent);
		put(yaml, "- ");
		put(yaml, text);
		put(yaml, "\n");
	}
}

/* Conditions on variables stand together, and one heading is for all of them. */
static void put_condition(struct buffer *yaml, const struct match *match, size_t index) {
	const struct condition *condition = &match->conditions[index];

	if (condition->variable != NULL) {
		if (index == 0 || match->conditions[index - 1].variable == NULL)
			put(yaml, "      env:\n");
		put(yaml, "        ");
		put_text(yaml, condition->variable);
		put(yaml, ":\n");
		put_values(yaml, condition, "          ");
		return;
	}
	put(yaml, "      ");
	put(yaml, condition->field->name);
	if (condition->field->word != NULL) {
		put(yaml, ": ");
		put_words(yaml, condition->wanted, condition->field->word);
		return;
	}
	put(yaml, ":\n");
	put_values(yaml, condition, "        ");
}

/* Where a match names no operation, what that means is written out. What an allow without sign_type
 * means is only said: to name it would be certain where this is not. */
static void put_match(struct buffer *yaml, const struct rule *rule) {
	bool names_operation = false, names_sign_type = false;

	put(yaml, "match:\n");
	for (size_t i = 0; i < rule->match.n_conditions; i++) {
		const struct condition *condition = &rule->match.conditions[i];

		if ((condition->field->traits & FIELD_OPERATION) != 0)
			names_operation = true;
		if ((condition->field->traits & FIELD_SIGN_TYPE) != 0)
			names_sign_type = true;
		put_condition(yaml, &rule->match, i);
	}
	if (!names_operation)
		put(yaml, "      operation: [sign]\n");
	if (names_sign_type || rule->action != ACTION_ALLOW ||
	    (rule->operations & 1U << OPERATION_SIGN) == 0)
		return;
	put(yaml, "      # sign_type: ");
	put_words(yaml, rule->sign_types, word_of_sign_type);
}

static void put_event(struct buffer *yaml, const struct rule *rule) {
	if (rule->notify != TRI_UNKNOWN)
		put(yaml, rule->notify == TRI_YES ? "    notify: true\n" : "    notify: false\n");
	if (rule->log == LOG_DETAIL_UNSAID)
		return;
	put(yaml, "    log: ");
	put(yaml, log_detail_name(rule->log));
	put(yaml, "\n");
}

static void put_limit(struct buffer *yaml, struct limit limit) {
	const char *period = limit.period_s == 1      ? "second"
	                     : limit.period_s == 60   ? "minute"
	                     : limit.period_s == 3600 ? "hour"
	                                              : "day";
	char text[64];

	if (limit.count == 0)
		return;
	snprintf(text, sizeof(text), "    limit: %u/%s\n", limit.count, period);
	put(yaml, text);
}

/* Of a rule out of another file. */
static void put_place(struct buffer *yaml, const struct policy *policy, const struct rule *rule) {
	char line[32];

	if (strcmp(rule->file, policy->path) == 0)
		return;
	put(yaml, "  # ");
	put_text(yaml, rule->file);
	snprintf(line, sizeof(line), ", line %zu\n", rule->line);
	put(yaml, line);
}

static void put_rule(struct buffer *yaml, const struct policy *policy, const struct rule *rule,
                     size_t number) {
	char reserved[32];

	put_place(yaml, policy, rule);
	snprintf(reserved, sizeof(reserved), "rule-%zu", number);
	put(yaml, "  - ");
	if (strcmp(rule->name, reserved) == 0) {
		put(yaml, "# ");
		put(yaml, reserved);
	} else {
		put(yaml, "name: ");
		put_text(yaml, rule->name);
	}
	put(yaml, "\n    ");
	put_match(yaml, rule);
	if (rule->unless.n_conditions > 0)
		put(yaml, "    unless:\n");
	for (size_t i = 0; i < rule->unless.n_conditions; i++)
		put_condition(yaml, &rule->unless, i);
	put(yaml, "    action: ");
	put(yaml, action_name(rule->action));
	put(yaml, "\n");
	confirm_show_terms(yaml, &rule->confirm);
	put_limit(yaml, rule->limit);
	put_event(yaml, rule);
}

static void put_origin(struct buffer *yaml, const struct policy *policy) {
	put(yaml, "# ");
	if (*policy->path == '\0') {
		put(yaml, "There is no policy file; this holds without one.\n");
		return;
	}
	put_text(yaml, policy->path);
	if (policy->is_floor)
		put(yaml, "\n# The system floor: the stricter of it and the user's policy holds.");
	for (size_t i = 0; i < policy->n_included; i++) {
		put(yaml, "\n# includes ");
		put_text(yaml, policy->included[i]);
	}
	put(yaml, "\n# SHA-256 ");
	put(yaml, policy->sha256);
	put(yaml, "\n");
}

/* Conditions of an agent's definition, in its own words. */
static void put_agent(struct buffer *yaml, const struct agent *agent) {
	const struct match *signs = &agent->signs;

	put(yaml, "\n  ");
	put_text(yaml, agent->name);
	put(yaml, ":");
	for (size_t i = 0; i < signs->n_conditions; i++) {
		const struct condition *condition = &signs->conditions[i];
		bool by_name = strcmp(condition->field->name, "ancestor") == 0;

		if (condition->variable == NULL)
			put(yaml, by_name ? "\n    ancestors: [" : "\n    exe: [");
		else if (i == 0 || signs->conditions[i - 1].variable == NULL)
			put(yaml, "\n    env:");
		if (condition->variable != NULL) {
			put(yaml, "\n      ");
			put_text(yaml, condition->variable);
			put(yaml, ": [");
		}
		for (size_t j = 0; j < condition->n_patterns; j++) {
			put(yaml, j > 0 ? ", " : "");
			put_text(yaml, condition->patterns[j].source);
		}
		put(yaml, "]");
	}
}

/* The policy's own; those that are compiled in stand in a file of their own. */
static void put_agents(struct buffer *yaml, const struct policy *policy) {
	if (policy->n_captured > 0)
		put(yaml, "\ncapture_extra_env_vars:");
	for (size_t i = 0; i < policy->n_captured; i++) {
		put(yaml, "\n- ");
		put_text(yaml, policy->captured[i]);
	}
	if (policy->n_own_agents > 0)
		put(yaml, "\ncoding_agents:");
	for (size_t i = 0; i < policy->n_own_agents; i++)
		put_agent(yaml, &policy->agents[i]);
}

static void put_endpoints(struct buffer *yaml, const struct policy *policy) {
	char mode[32];

	if (policy->n_endpoints > 0)
		put(yaml, "\nendpoints:");
	for (size_t i = 0; i < policy->n_endpoints; i++) {
		put(yaml, "\n  ");
		put_text(yaml, policy->endpoints[i].name);
		put(yaml, ": {path: ");
		put_text(yaml, policy->endpoints[i].path);
		snprintf(mode, sizeof(mode), ", mode: \"0%03o\"",
		         (unsigned)policy->endpoints[i].mode);
		put(yaml, mode);
		if (policy->endpoints[i].from_container)
			put(yaml, ", from: container");
		put(yaml, "}");
	}
}

static void put_known_hosts(struct buffer *yaml, const struct policy *policy) {
	const struct known_files *files = &policy->known_files;

	for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++) {
		if (!files->says[kind])
			continue;
		put(yaml, kind > 0 && files->says[0] ? "" : "\nknown_hosts:");
		put(yaml, "\n  ");
		put(yaml, known_by_name((enum known_by)(1U << kind)));
		put(yaml, ": [");
		for (size_t i = 0; i < files->n_paths[kind]; i++) {
			put(yaml, i > 0 ? ", " : "");
			put_text(yaml, files->paths[kind][i]);
		}
		put(yaml, "]");
	}
}

static void put_argv(struct buffer *yaml, char *const *words) {
	put(yaml, "[");
	for (size_t i = 0; words[i] != NULL; i++) {
		put(yaml, i > 0 ? ", " : "");
		put_text(yaml, words[i]);
	}
	put(yaml, "]");
}

static void put_command(struct buffer *yaml, const char *name, char *const *words) {
	if (words == NULL)
		return;
	put(yaml, "\n  ");
	put(yaml, name);
	put(yaml, ": ");
	put_argv(yaml, words);
}

static void put_renderers(struct buffer *yaml, const struct renderers_settings *settings) {
	if (!settings->tmux && !settings->i3status && settings->n_commands == 0)
		return;
	put(yaml, "\nstatus:\n  renderers:");
	if (settings->tmux)
		put(yaml, "\n    - tmux");
	if (settings->i3status)
		put(yaml, "\n    - i3status-rust");
	for (size_t i = 0; i < settings->n_commands; i++) {
		const struct renderer_command *command = &settings->commands[i];

		put(yaml, "\n    - {command: ");
		put_argv(yaml, command->words);
		if (command->writes != NULL) {
			put(yaml, ", writes: ");
			put_argv(yaml, command->writes);
		}
		put(yaml, "}");
	}
}

static void put_confirm(struct buffer *yaml, const struct policy *policy) {
	confirm_show_settings(yaml, &policy->confirm);
	put_command(yaml, "screen_state", policy->screen_state);
}

static void put_tell(struct buffer *yaml, const struct tell_settings *tell) {
	if (!tell->no_terminal && tell->on_pending == NULL && tell->on_result == NULL)
		return;
	put(yaml, tell->no_terminal ? "\ntell:\n  terminal: false" : "\ntell:\n  terminal: true");
	put_command(yaml, "on_pending", tell->on_pending);
	put_command(yaml, "on_result", tell->on_result);
}

void policy_show(struct buffer *yaml, const struct policy *policy) {
	put_origin(yaml, policy);
	put(yaml, policy->old ? "version: 0\ndefault_action: " : "version: 1\ndefault_action: ");
	put(yaml, action_name(policy->default_action));
	put(yaml, "\ndefault_change_action: ");
	put(yaml, action_name(policy->default_change_action));
	if (!policy->is_floor || policy->confirm.methods_named != 0)
		put_confirm(yaml, policy);
	pinned_show(yaml, &policy->pinned);
	if (policy->upstream != NULL) {
		put(yaml, "\nupstream: ");
		put_text(yaml, policy->upstream);
	}
	put_tell(yaml, &policy->tell);
	put_renderers(yaml, &policy->renderers);
	log_settings_show(yaml, &policy->log, policy->is_floor);
	put_endpoints(yaml, policy);
	put(yaml, "\nhide_denied_keys: ");
	put(yaml, policy->offers_denied_keys ? "false" : "true");
	if (policy->require_proof)
		put(yaml, "\nrequire_proof: true");
	if (policy->locks)
		put(yaml, "\nlock: true");
	put_known_hosts(yaml, policy);
	put_agents(yaml, policy);
	put(yaml, policy->n_rules > 0 ? "\nrules:\n" : "\nrules: []\n");
	for (size_t i = 0; i < policy->n_rules; i++)
		put_rule(yaml, policy, &policy->rules[i], i + 1);
}
