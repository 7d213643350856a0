#include "policy/match_read.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "policy/define.h"
#include "policy/rule.h"

#define VARIABLES_MAX        64     /* of one match: pairs of rules are compared, all with all */
#define CONDITION_VALUES_MAX 250000 /* as YAML_NODES_MAX */

bool match_names(const struct match *match, const char *field_name) {
	for (size_t i = 0; i < match->n_conditions; i++)
		if (strcmp(match->conditions[i].field->name, field_name) == 0)
			return true;
	return false;
}

/* A short file must not become a huge policy by what its definitions stand for. */
static bool is_one_too_many(struct reading *reading, const struct yaml_node *value) {
	if (++reading->n_values != CONDITION_VALUES_MAX)
		return reading->n_values > CONDITION_VALUES_MAX;
	REPORT(reading, value, "more than %d values with all definitions put in; %s",
	       CONDITION_VALUES_MAX, "no policy needs as many");
	return true;
}

/* One value, or all those that a definition stands for. */
static int read_value(struct reading *reading, struct condition *condition,
                      const struct yaml_node *value) {
	const struct yaml_node *values = value;
	const struct yaml_node *item;

	if (definition_is_named(value))
		values = definition_find(reading->definitions, reading, value);
	if (values == NULL)
		return 0;
	item = values != value && values->kind == TREE_LIST ? values->first : values;
	while (item != NULL && !is_one_too_many(reading, value)) {
		int error = condition->field->read(condition, reading, item);

		if (error < 0)
			return error;
		item = item != values ? item->next : NULL;
	}
	return 0;
}

/* variable: of a field that has them, one of its keys; else NULL. */
static int read_condition(struct reading *reading, struct match *match, const struct field *field,
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
		return read_value(reading, condition, value);
	if (value->count == 0)
		REPORT(reading, value, "%s: an empty list, which does not mean \"anything\"; %s",
		       field->name, "write a value or leave the field out");
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
		int error = read_value(reading, condition, item);

		if (error < 0)
			return error;
	}
	return 0;
}

/* Nothing that an environment could hold, or nothing that a person could mean. */
static bool is_variable(struct reading *reading, const struct field *field,
                        const struct yaml_node *key) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_";

	if (key->kind != TREE_TEXT)
		return false;
	if (*key->text != '\0' && key->text[strspn(key->text, letters)] == '\0' &&
	    strlen(key->text) <= VARIABLE_LEN_MAX)
		return true;
	REPORT(reading, key, "%s: %.60s: not the name of a variable", field->name,
	       *key->text != '\0' ? key->text : "empty");
	return false;
}

static int read_variables(struct reading *reading, struct match *match, const struct field *field,
                          const struct yaml_node *map) {
	if (!read_map(reading, field->name, map, "write NAME: VALUE"))
		return 0;
	if (map->count == 0 || map->count / 2 > VARIABLES_MAX)
		REPORT(reading, map, "%s: %s", field->name,
		       map->count == 0 ? "an empty map, which does not mean \"anything\"; write "
		                         "NAME: VALUE or leave the field out"
		                       : "too many variables; write fewer");
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		int error = 0;

		if (map->count / 2 <= VARIABLES_MAX && is_variable(reading, field, key))
			error = read_condition(reading, match, field, key->text, key->next);
		if (error < 0)
			return error;
	}
	return 0;
}

int match_read_field(struct match *match, struct reading *reading, const struct field *field,
                     const struct yaml_node *value) {
	if ((field->traits & FIELD_VARIABLES) != 0)
		return read_variables(reading, match, field, value);
	return read_condition(reading, match, field, NULL, value);
}

/* What a match says of evidence holds for all that it says of a destination. */
static void set_evidence(struct match *match) {
	unsigned evidence = 0;

	for (size_t i = 0; i < match->n_conditions; i++)
		if ((match->conditions[i].field->traits & FIELD_EVIDENCE) != 0)
			evidence = match->conditions[i].wanted;
	for (size_t i = 0; i < match->n_conditions; i++) {
		struct condition *condition = &match->conditions[i];

		condition->takes_bound = (evidence & 1U << DEST_EVIDENCE_BOUND) != 0;
		condition->takes_command_line = (evidence & 1U << DEST_EVIDENCE_COMMAND_LINE) != 0;
	}
}

int match_read(struct match *match, struct reading *reading, const struct yaml_node *map) {
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
			report_unknown_field(reading, key, names, n_fields);
			continue;
		}
		/* A field that stands twice is reported as a duplicate key already. */
		if (match_names(match, field->name))
			continue;
		error = match_read_field(match, reading, field, key->next);
		if (error < 0)
			return error;
	}
	set_evidence(match);
	return 0;
}
