#include "policy/reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/nearest.h"

/* false, with a problem: not one text. */
static bool is_one_text(struct reading *reading, const char *what, const struct yaml_node *node) {
	switch (node->kind) {
	case TREE_TEXT: return true;
	case TREE_LIST: REPORT(reading, node, "%s: a list, where one value stands", what); break;
	case TREE_MAP: REPORT(reading, node, "%s: a map, where one value stands", what); break;
	case TREE_BROKEN: break;
	}
	return false;
}

bool read_map(struct reading *reading, const char *what, const struct yaml_node *node,
              const char *advice) {
	const char *found = "";

	switch (node->kind) {
	case TREE_MAP: return true;
	case TREE_BROKEN: return false;
	case TREE_LIST: found = "a list"; break;
	case TREE_TEXT: found = yaml_scalar(node) == SCALAR_NULL ? "empty" : "one value"; break;
	}
	REPORT(reading, node, "%s: %s, where a map of fields stands; %s", what, found, advice);
	return false;
}

static const char *scalar_noun(enum yaml_scalar scalar) {
	switch (scalar) {
	case SCALAR_TEXT: return "text";
	case SCALAR_NULL: return "null";
	case SCALAR_TRUE: return "true";
	case SCALAR_FALSE: return "false";
	case SCALAR_NUMBER: return "a number";
	}
	return "invalid";
}

const char *read_text(struct reading *reading, const char *what, const struct yaml_node *node) {
	enum yaml_scalar scalar;

	if (!is_one_text(reading, what, node))
		return NULL;
	scalar = yaml_scalar(node);
	if (*node->text == '\0') {
		REPORT(reading, node, "%s: empty, which does not mean \"anything\"; %s", what,
		       "write a value or leave the field out");
		return NULL;
	}
	if (scalar != SCALAR_TEXT) {
		REPORT(reading, node, "%s: %.60s: %s in YAML, where text is meant; write \"%.60s\"",
		       what, node->text, scalar_noun(scalar), node->text);
		return NULL;
	}
	return node->text;
}

bool read_boolean_of(struct reading *reading, const char *what, const struct yaml_node *node) {
	if (!is_one_text(reading, what, node))
		return false;
	switch (yaml_scalar(node)) {
	case SCALAR_TRUE: return true;
	case SCALAR_FALSE: return false;
	case SCALAR_TEXT:
	case SCALAR_NULL:
	case SCALAR_NUMBER: break;
	}
	REPORT(reading, node, "%s: %.60s: unknown value; write true or false", what,
	       *node->text != '\0' ? node->text : "empty");
	return false;
}

/* "a, b or c" */
static void list_words(char *ret, size_t size, const char *const *words, size_t n_words,
                       const char *last) {
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < n_words && len < size; i++) {
		const char *join = i == 0 ? "" : i + 1 == n_words ? last : ", ";

		len += (size_t)snprintf(ret + len, size - len, "%s%s", join, words[i]);
	}
}

int read_word(struct reading *reading, const char *what, const struct yaml_node *node,
              const char *const *words, size_t n_words) {
	char list[512];
	const char *near;

	if (!is_one_text(reading, what, node))
		return -1;
	for (size_t i = 0; i < n_words; i++)
		if (strcmp(node->text, words[i]) == 0)
			return (int)i;
	near = nearest(node->text, words, n_words);
	list_words(list, sizeof(list), words, n_words, " or ");
	if (*node->text == '\0')
		REPORT(reading, node, "%s: empty; write %s", what, list);
	else if (near != NULL)
		REPORT(reading, node, "%s: %.60s: unknown value; did you mean %s?", what,
		       node->text, near);
	else
		REPORT(reading, node, "%s: %.60s: unknown value; write %s", what, node->text, list);
	return -1;
}

void report_unknown_field(struct reading *reading, const struct yaml_node *key,
                          const char *const *names, size_t n_names) {
	const char *near = nearest(key->text, names, n_names);
	char list[1024];

	if (near != NULL) {
		REPORT(reading, key, "%.60s: unknown field; did you mean %s?", key->text, near);
		return;
	}
	list_words(list, sizeof(list), names, n_names, " and ");
	REPORT(reading, key, "%.60s: unknown field; this version knows %s here",
	       *key->text != '\0' ? key->text : "\"\"", list);
}

char *read_place(struct reading *reading, const char *what, const struct yaml_node *value,
                 int *ret_error) {
	const char *text = read_text(reading, what, value);
	const char *home = reading->context.home;
	char *path = NULL;

	if (text == NULL)
		return NULL;
	if (text[0] == '/')
		path = strdup(text);
	else if (strncmp(text, "~/", 2) != 0)
		REPORT(reading, value, "%s: %.60s: write it from / or ~/ on", what, text);
	else if (home == NULL)
		REPORT(reading, value, "%s: %.60s: HOME does not say where that is", what, text);
	else if (asprintf(&path, "%s%s", home, text + 1) < 0)
		path = NULL;
	if (path == NULL && (text[0] == '/' || (home != NULL && text[0] == '~')))
		*ret_error = -ENOMEM;
	return path;
}
