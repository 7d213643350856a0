#include "describe/part.h"

#include <errno.h>
#include <string.h>

#include "describe/slot.h"

/* One name of unknown. */
static void mark_unknown(bool *unknown, const struct part *parts, size_t n_parts,
			 struct reading *reading, const struct slot *slots,
			 const struct yaml_node *item) {
	const char *names[SLOTS_MAX] = {NULL};
	size_t n_names = 0;
	int index;

	for (size_t i = 0; i < n_parts; i++)
		if (parts[i].unknown != ALWAYS_KNOWN)
			names[n_names++] = parts[i].name;
	index = read_word(reading, "unknown", item, names, n_names);
	for (size_t i = 0; i < n_parts && index >= 0; i++) {
		if (strcmp(parts[i].name, names[index]) != 0)
			continue;
		unknown[i] = true;
		if (slots[i].value != NULL && parts[i].unknown != MAY_BE_UNKNOWN_IN_PART)
			REPORT(reading, item, "unknown: %s: is stated, too; remove one",
			       parts[i].name);
	}
}

static void read_unknown(bool *unknown, const struct part *parts, size_t n_parts,
			 struct reading *reading, const struct slot *slots) {
	const struct yaml_node *value = slots[n_parts].value;

	if (value == NULL)
		return;
	if (value->kind != TREE_LIST) {
		mark_unknown(unknown, parts, n_parts, reading, slots, value);
		return;
	}
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next)
		mark_unknown(unknown, parts, n_parts, reading, slots, item);
}

int parts_read(const struct part *parts, size_t n_parts, struct target *target,
	       struct reading *reading, const char *what, const struct yaml_node *map) {
	struct slot slots[SLOTS_MAX] = {0};
	bool unknown[SLOTS_MAX] = {false};

	for (size_t i = 0; i < n_parts; i++)
		slots[i].name = parts[i].name;
	slots[n_parts].name = "unknown";
	if (map != NULL && slots_fill(slots, n_parts + 1, reading, what, map))
		read_unknown(unknown, parts, n_parts, reading, slots);
	for (size_t i = 0; i < n_parts; i++) {
		int error = 0;

		if (slots[i].value != NULL)
			error = parts[i].read(target, reading, parts[i].name, slots[i].value);
		if (error == 0 && !unknown[i] && parts[i].settle != NULL)
			error = parts[i].settle(target);
		if (error < 0)
			return error;
	}
	return 0;
}

int part_settle_text(char **text, const char *ordinary) {
	if (*text == NULL)
		*text = strdup(ordinary);
	return *text != NULL ? 0 : -ENOMEM;
}
