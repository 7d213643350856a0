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
	int error = 0;

	for (size_t i = 0; i < n_parts; i++)
		slots[i].name = parts[i].name;
	slots[n_parts].name = "unknown";
	if (map != NULL && slots_fill(slots, n_parts + 1, reading, what, map))
		read_unknown(unknown, parts, n_parts, reading, slots);
	for (size_t i = 0; i < n_parts && error == 0; i++)
		if (slots[i].value != NULL)
			error = parts[i].read(target, reading, parts[i].name, slots[i].value);
	for (size_t i = 0; i < n_parts && error == 0; i++)
		if (!unknown[i] && parts[i].settle != NULL)
			error = parts[i].settle(target);
	return error;
}

int part_settle_text(char **text, const char *ordinary) {
	if (*text == NULL)
		*text = strdup(ordinary);
	return *text != NULL ? 0 : -ENOMEM;
}

void part_read_tri(enum tri *ret, struct reading *reading, const char *name,
                   const struct yaml_node *value) {
	enum yaml_scalar scalar = value->kind == TREE_TEXT ? yaml_scalar(value) : SCALAR_TEXT;

	if (scalar == SCALAR_TRUE)
		*ret = TRI_YES;
	else if (scalar == SCALAR_FALSE)
		*ret = TRI_NO;
	else if (value->kind != TREE_BROKEN)
		REPORT(reading, value, "%s: unknown value; write true or false", name);
}

void part_read_word(unsigned *ret, struct reading *reading, const char *name,
                    const struct yaml_node *value, field_word *word, unsigned n_words) {
	const char *words[32] = {NULL};
	int index;

	for (unsigned i = 0; i < n_words; i++)
		words[i] = word(i);
	index = read_word(reading, name, value, words, n_words);
	if (index >= 0)
		*ret = (unsigned)index;
}

void part_read_fingerprint(char ret[static KEY_FINGERPRINT_SIZE], struct reading *reading,
                           const char *name, const struct yaml_node *value) {
	const char *text = read_text(reading, name, value);

	if (text == NULL)
		return;
	if (strncmp(text, "SHA256:", 7) != 0 || strlen(text) >= KEY_FINGERPRINT_SIZE)
		REPORT(reading, value,
		       "%s: %.60s: not a fingerprint as ssh-keygen -l prints it (SHA256: and 43 "
		       "letters at most)",
		       name, text);
	else
		strcpy(ret, text);
}
