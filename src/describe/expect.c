#include "describe/expect.h"

#include <errno.h>
#include <string.h>

#include "describe/fact.h"
#include "describe/slot.h"

/* What a verdict has besides the facts of its request. */
static const char *const of_verdict[] = {"action", "rule", "missing_fact", "weak"};
#define N_OF_VERDICT (sizeof(of_verdict) / sizeof(of_verdict[0]))

/* A yes or no that YAML knows by many names; any other text as it stands. */
static const char *expected_text(struct reading *reading, const char *what,
                                 const struct yaml_node *value) {
	if (value->kind == TREE_TEXT && yaml_scalar(value) == SCALAR_TRUE)
		return "true";
	if (value->kind == TREE_TEXT && yaml_scalar(value) == SCALAR_FALSE)
		return "false";
	if (value->kind == TREE_TEXT && yaml_scalar(value) == SCALAR_NUMBER)
		return value->text;
	return slot_text(reading, what, value);
}

static void add(struct expect *expect, struct reading *reading, const struct slot *slot) {
	static const char *const actions[] = {"allow", "deny", "confirm"};
	struct expected *expected = &expect->items[expect->count];

	if (strcmp(slot->name, "action") == 0 &&
	    read_word(reading, slot->name, slot->value, actions, 3) < 0)
		return;
	expected->what = slot->name;
	expected->text = expected_text(reading, slot->name, slot->value);
	if (expected->text != NULL)
		expect->count++;
}

void expect_read(struct expect *ret, struct reading *reading, const struct yaml_node *map) {
	struct slot slots[SLOTS_MAX] = {0};
	size_t n_slots = 0;
	const struct slot *load_error = &slots[0];

	slots[n_slots++].name = "load_error";
	for (size_t i = 0; i < N_OF_VERDICT; i++)
		slots[n_slots++].name = of_verdict[i];
	for (size_t i = 0; i < n_facts; i++)
		slots[n_slots++].name = facts[i].name;
	if (!slots_fill(slots, n_slots, reading, "expect", map))
		return;
	if (map->count == 0)
		REPORT(reading, map, "expect: empty; a test that expects nothing cannot fail");
	if (load_error->value != NULL) {
		ret->load_error = read_text(reading, load_error->name, load_error->value);
		if (map->count > 2)
			REPORT(reading, map,
			       "expect: load_error: nothing else can be expected of a policy that "
			       "does not load");
		return;
	}
	for (size_t i = 1; i < n_slots; i++)
		if (slots[i].value != NULL)
			add(ret, reading, &slots[i]);
}

static int put_found(struct buffer *found, const char *what, const struct request *request,
                     const struct verdict *verdict) {
	const char *text = NULL;

	if (strcmp(what, "action") == 0)
		text = action_name(verdict->action);
	else if (strcmp(what, "rule") == 0)
		text = verdict->rule;
	else if (strcmp(what, "missing_fact") == 0)
		text = verdict->missing != NULL ? verdict->missing : "";
	else if (strcmp(what, "weak") == 0)
		text = verdict->weak ? "true" : "false";
	if (text != NULL)
		buffer_put_raw(found, bytes_of_text(text));
	for (size_t i = 0; i < n_facts && text == NULL; i++)
		if (strcmp(what, facts[i].name) == 0 &&
		    fact_get(found, &facts[i], request) == FACT_UNKNOWN)
			buffer_put_raw(found, bytes_of_text("unknown"));
	return buffer_error(found);
}

int mismatch_add(struct mismatch *mismatches, size_t *n_mismatches, const char *what,
                 const char *expected, struct buffer *found) {
	char *copy;

	buffer_put_u8(found, '\0');
	if (buffer_error(found) < 0)
		return -ENOMEM;
	copy = strdup((const char *)found->data);
	if (copy == NULL)
		return -ENOMEM;
	mismatches[(*n_mismatches)++] = (struct mismatch){what, expected, copy};
	return 0;
}

int expect_compare(struct mismatch *mismatches, size_t *n_mismatches, const struct expect *expect,
                   const struct request *request, const struct verdict *verdict) {
	for (size_t i = 0; i < expect->count; i++) {
		const struct expected *expected = &expect->items[i];
		CLEANUP(buffer_deinit) struct buffer found = {0};
		int error = put_found(&found, expected->what, request, verdict);

		if (error == 0 && !bytes_equal_text(buffer_bytes(&found), expected->text))
			error = mismatch_add(mismatches, n_mismatches, expected->what,
			                     expected->text, &found);
		if (error < 0)
			return error;
	}
	return 0;
}
