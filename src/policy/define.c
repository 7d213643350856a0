#include "policy/define.h"

#include <string.h>

#include "policy/nearest.h"

bool definition_is_named(const struct yaml_node *value) {
	return value->kind == TREE_TEXT && value->text[0] == '$';
}

static bool is_name(const char *text) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_-";

	return *text != '\0' && text[strspn(text, letters)] == '\0';
}

/* Whether it is text that names no definition itself: so there are no cycles, and no bombs. */
static bool is_plain_value(struct reading *reading, const struct yaml_node *key,
                           const struct yaml_node *value) {
	if (value->kind == TREE_BROKEN)
		return false;
	if (value->kind != TREE_TEXT)
		REPORT(reading, value, "define: %.60s: write a value or a list of values",
		       key->text);
	else if (definition_is_named(value))
		REPORT(reading, value, "define: %.60s: %.60s: a definition cannot name another; %s",
		       key->text, value->text, "write its values out");
	return value->kind == TREE_TEXT && !definition_is_named(value);
}

static bool is_good(struct reading *reading, const struct yaml_node *key,
                    const struct yaml_node *value) {
	bool good = true;

	if (value->kind != TREE_LIST)
		return is_plain_value(reading, key, value);
	if (value->count == 0)
		REPORT(reading, value, "define: %.60s: an empty list; write a value", key->text);
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next)
		good = is_plain_value(reading, key, item) && good;
	return good && value->count > 0;
}

/* In one file that is a duplicate key, and told already. */
static void report_twice(struct reading *reading, const struct yaml_node *key,
                         const struct yaml_node *other) {
	char place[PLACE_TEXT_SIZE];

	if (strcmp(key->file, other->file) != 0)
		REPORT(reading, key, "define: %.60s: defined already, in %s; remove one", key->text,
		       place_text(place, key->file, other->file, other->line));
}

static void add(struct definitions *definitions, struct reading *reading,
                const struct yaml_node *key) {
	if (!is_name(key->text)) {
		REPORT(reading, key, "define: %.60s: no name; use letters, digits, _ and -",
		       *key->text != '\0' ? key->text : "\"\"");
		return;
	}
	for (size_t i = 0; i < definitions->count; i++)
		if (strcmp(definitions->keys[i]->text, key->text) == 0) {
			report_twice(reading, key, definitions->keys[i]);
			return;
		}
	if (definitions->count == DEFINITIONS_MAX) {
		REPORT(reading, key, "define: %.60s: more than %d definitions", key->text,
		       DEFINITIONS_MAX);
		return;
	}
	definitions->keys[definitions->count] = key;
	definitions->names[definitions->count] = key->text;
	/* A bad one is defined all the same: its uses are not at fault. */
	definitions->values[definitions->count++] = is_good(reading, key, key->next) ? key->next
	                                                                             : NULL;
}

void definitions_read(struct definitions *ret, struct reading *reading,
                      const struct yaml_node *root) {
	const struct yaml_node *map = NULL;

	for (const struct yaml_node *key = root->first; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT && strcmp(key->text, "define") == 0 && map == NULL)
			map = key->next;
	if (map == NULL || map->kind == TREE_BROKEN)
		return;
	if (map->kind != TREE_MAP) {
		REPORT(reading, map, "define: not a map; write NAME: [VALUE, ...]");
		return;
	}
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT)
			add(ret, reading, key);
}

const struct yaml_node *definition_find(const struct definitions *definitions,
                                        struct reading *reading, const struct yaml_node *value) {
	const char *name = value->text + 1;
	const char *near;

	for (size_t i = 0; i < definitions->count; i++)
		if (strcmp(definitions->names[i], name) == 0)
			return definitions->values[i];
	near = nearest(name, definitions->names, definitions->count);
	if (near != NULL)
		REPORT(reading, value, "%.60s: not defined; did you mean $%s?", value->text, near);
	else
		REPORT(reading, value,
		       "%.60s: not defined; write it under define:, or, where the text itself is "
		       "meant, '~^\\$%.60s$'",
		       value->text, name);
	return NULL;
}
