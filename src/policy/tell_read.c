#include "policy/tell_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_words(char ***words) {
	for (size_t i = 0; *words != NULL && (*words)[i] != NULL; i++)
		free((*words)[i]);
	free(*words);
	*words = NULL;
}

void tell_deinit(struct tell_settings *settings) {
	free_words(&settings->on_pending);
	free_words(&settings->on_result);
}

/* Whether it can be a command; what is wrong with it is reported. */
static bool is_command(struct reading *reading, const char *what, const struct yaml_node *value) {
	const struct yaml_node *word = value->first;

	if (value->kind != TREE_LIST || value->count == 0 || value->count > HOOK_WORDS_MAX) {
		if (value->kind != TREE_BROKEN)
			REPORT(reading, value,
			       "%s: not a list of a program and at most %d arguments; write such "
			       "as [/usr/bin/notify-send, a request waits]",
			       what, HOOK_WORDS_MAX - 1);
		return false;
	}
	for (; word != NULL; word = word->next)
		if (word->kind != TREE_TEXT) {
			if (word->kind != TREE_BROKEN)
				REPORT(reading, word, "%s: an argument is not one value", what);
			return false;
		}
	if (value->first->text[0] == '/')
		return true;
	REPORT(reading, value->first,
	       "%s: %.60s: not an absolute path (no PATH is searched for it)", what,
	       value->first->text);
	return false;
}

static int read_command(char ***ret, struct reading *reading, const char *what,
                        const struct yaml_node *value) {
	size_t n = 0;
	char **words;

	if (!is_command(reading, what, value))
		return 0;
	words = calloc(value->count + 1, sizeof(*words));
	if (words == NULL)
		return -ENOMEM;
	for (const struct yaml_node *word = value->first; word != NULL; word = word->next) {
		words[n] = strdup(word->text);
		if (words[n++] == NULL) {
			free_words(&words);
			return -ENOMEM;
		}
	}
	free_words(ret);
	*ret = words;
	return 0;
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
			error = read_command(&settings->on_pending, reading, names[1], node);
		else if (strcmp(key->text, names[2]) == 0)
			error = read_command(&settings->on_result, reading, names[2], node);
		else
			report_unknown_field(reading, key, names, sizeof(names) / sizeof(names[0]));
	}
	return error;
}
