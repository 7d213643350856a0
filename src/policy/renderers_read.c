#include "policy/renderers_read.h"

#include <errno.h>
#include <string.h>

#include "policy/command_read.h"

void renderers_settings_deinit(struct renderers_settings *settings) {
	for (size_t i = 0; i < settings->n_commands; i++) {
		words_free(&settings->commands[i].words);
		words_free(&settings->commands[i].writes);
	}
	settings->n_commands = 0;
}

/* NULL, with a problem: there are too many. */
static struct renderer_command *new_command(struct renderers_settings *settings,
                                            struct reading *reading, const struct yaml_node *node) {
	if (settings->n_commands < COMMANDS_MAX)
		return &settings->commands[settings->n_commands];
	REPORT(reading, node, "renderers: more than %d commands", COMMANDS_MAX);
	return NULL;
}

/* Takes it over; what could not be read is none, and was reported. */
static int add_command(struct renderers_settings *settings, struct renderer_command *command,
                       int error) {
	if (error == 0 && command->words != NULL) {
		settings->n_commands++;
		return 0;
	}
	words_free(&command->words);
	words_free(&command->writes);
	return error;
}

static int read_command(struct renderers_settings *settings, struct reading *reading,
                        const struct yaml_node *node) {
	struct renderer_command *command = new_command(settings, reading, node);

	if (command == NULL)
		return 0;
	return add_command(settings, command,
	                   command_read(&command->words, reading, "renderers", node));
}

/* {command: [...], writes: [...]} */
static int read_command_map(struct renderers_settings *settings, struct reading *reading,
                            const struct yaml_node *node) {
	static const char *const names[] = {"command", "writes"};
	struct renderer_command *command = new_command(settings, reading, node);
	bool has_command = false;
	int error = 0;

	if (command == NULL)
		return 0;
	for (const struct yaml_node *key = node->first; key != NULL && error == 0;
	     key = key->next->next) {
		if (key->kind == TREE_BROKEN || key->next->kind == TREE_BROKEN)
			continue;
		if (strcmp(key->text, names[0]) == 0) {
			has_command = true;
			error = command_read(&command->words, reading, names[0], key->next);
		} else if (strcmp(key->text, names[1]) == 0) {
			error = paths_read(&command->writes, reading, names[1], key->next,
			                   WRITES_MAX);
		} else {
			report_unknown_field(reading, key, names, sizeof(names) / sizeof(names[0]));
		}
	}
	if (error == 0 && !has_command)
		REPORT(reading, node,
		       "renderers: no command: in it; write such as {command: "
		       "[/usr/local/bin/render], writes: [/home/a/.cache/bar]}");
	return add_command(settings, command, error);
}

/* Bars that ask by themselves. */
static bool report_asking(struct reading *reading, const struct yaml_node *node) {
	static const char *const words[] = {"waybar", "text", "json", "yaml", "i3status"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(node->text, words[i]) == 0) {
			REPORT(reading, node,
			       "renderers: %s: is for whoever asks; run `ssh-agent-guard status "
			       "--format %s --watch` there, or write tmux, i3status-rust or a "
			       "command here",
			       words[i], words[i]);
			return true;
		}
	return false;
}

static int read_word_or_path(struct renderers_settings *settings, struct reading *reading,
                             const struct yaml_node *node) {
	struct renderer_command *command;

	if (strcmp(node->text, "tmux") == 0) {
		settings->tmux = true;
		return 0;
	}
	if (strcmp(node->text, "i3status-rust") == 0) {
		settings->i3status = true;
		return 0;
	}
	if (report_asking(reading, node))
		return 0;
	if (node->text[0] != '/') {
		REPORT(reading, node,
		       "renderers: %.60s: unknown; write tmux, i3status-rust, or a program's "
		       "absolute path",
		       node->text);
		return 0;
	}
	command = new_command(settings, reading, node);
	return command == NULL
	               ? 0
	               : add_command(settings, command, command_of(&command->words, node->text));
}

static int read_list(struct renderers_settings *settings, struct reading *reading,
                     const struct yaml_node *value) {
	int error = 0;

	if (value->kind != TREE_LIST) {
		REPORT(reading, value,
		       "renderers: not a list; write such as [tmux, i3status-rust, "
		       "/usr/local/bin/ssh-ag-render-status]");
		return 0;
	}
	for (const struct yaml_node *node = value->first; node != NULL && error == 0;
	     node = node->next)
		switch (node->kind) {
		case TREE_BROKEN: break;
		case TREE_TEXT: error = read_word_or_path(settings, reading, node); break;
		case TREE_LIST: error = read_command(settings, reading, node); break;
		case TREE_MAP: error = read_command_map(settings, reading, node); break;
		}
	return error;
}

int renderers_read(struct renderers_settings *settings, struct reading *reading,
                   const struct yaml_node *value) {
	static const char *const names[] = {"renderers"};
	int error = 0;

	if (!read_map(reading, "status", value, "write renderers: in it"))
		return 0;
	for (const struct yaml_node *key = value->first; key != NULL && error == 0;
	     key = key->next->next) {
		if (key->kind == TREE_BROKEN || key->next->kind == TREE_BROKEN)
			continue;
		if (strcmp(key->text, names[0]) == 0)
			error = read_list(settings, reading, key->next);
		else
			report_unknown_field(reading, key, names, 1);
	}
	return error;
}
