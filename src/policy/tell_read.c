#include "policy/tell_read.h"

#include <string.h>

#include "policy/command_read.h"

void tell_deinit(struct tell_settings *settings) {
	words_free(&settings->on_pending);
	words_free(&settings->on_result);
}

int tell_read(struct tell_settings *settings, struct reading *reading,
              const struct yaml_node *value) {
	static const char *const names[] = {"terminal", "on_pending", "on_result"};
	int error = 0;

	if (!read_map(reading, "tell", value, "write terminal:, on_pending: or on_result:"))
		return 0;
	for (const struct yaml_node *key = value->first; key != NULL && error == 0;
	     key = key->next->next) {
		const struct yaml_node *node = key->next;

		if (key->kind == TREE_BROKEN || node->kind == TREE_BROKEN)
			continue;
		if (strcmp(key->text, names[0]) == 0)
			settings->no_terminal = !read_boolean_of(reading, names[0], node);
		else if (strcmp(key->text, names[1]) == 0)
			error = command_read(&settings->on_pending, reading, names[1], node);
		else if (strcmp(key->text, names[2]) == 0)
			error = command_read(&settings->on_result, reading, names[2], node);
		else
			report_unknown_field(reading, key, names, sizeof(names) / sizeof(names[0]));
	}
	return error;
}
