#include "describe/slot.h"

#include <errno.h>
#include <string.h>

static bool is_map(struct reading *reading, const char *what, const struct yaml_node *node) {
	const char *found = "one value";

	switch (node->kind) {
	case TREE_MAP: return true;
	case TREE_BROKEN: return false;
	case TREE_LIST: found = "a list"; break;
	case TREE_TEXT: break;
	}
	REPORT(reading, node, "%s: %s, where a map of fields stands", what, found);
	return false;
}

bool slots_fill(struct slot *slots, size_t n_slots, struct reading *reading, const char *what,
                const struct yaml_node *map) {
	const char *names[SLOTS_MAX] = {NULL};

	if (!is_map(reading, what, map))
		return false;
	for (size_t i = 0; i < n_slots; i++)
		names[i] = slots[i].name;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t i = 0;

		if (key->kind == TREE_BROKEN)
			continue;
		while (i < n_slots && strcmp(names[i], key->text) != 0)
			i++;
		if (i == n_slots)
			report_unknown_field(reading, key, names, n_slots);
		else if (slots[i].value == NULL) /* a second one is reported already */
			slots[i].value = key->next;
	}
	return true;
}

const char *slot_text(struct reading *reading, const char *what, const struct yaml_node *node) {
	if (node->kind == TREE_TEXT && !node->plain && *node->text == '\0')
		return node->text;
	return read_text(reading, what, node);
}

int slot_copy(char **ret, struct reading *reading, const char *what, const struct yaml_node *node) {
	const char *text = slot_text(reading, what, node);

	*ret = NULL;
	if (text == NULL)
		return 0;
	*ret = strdup(text);
	return *ret != NULL ? 0 : -ENOMEM;
}
