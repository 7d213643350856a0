#include "policy/command_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "facts/tell.h"

void words_free(char ***words) {
	for (size_t i = 0; *words != NULL && (*words)[i] != NULL; i++)
		free((*words)[i]);
	free(*words);
	*words = NULL;
}

/* Whether all of them are texts; what is not is reported. */
static bool are_texts(struct reading *reading, const char *what, const struct yaml_node *value) {
	for (const struct yaml_node *word = value->first; word != NULL; word = word->next)
		if (word->kind != TREE_TEXT) {
			if (word->kind != TREE_BROKEN)
				REPORT(reading, word, "%s: an argument is not one value", what);
			return false;
		}
	return true;
}

static bool is_command(struct reading *reading, const char *what, const struct yaml_node *value) {
	if (value->kind != TREE_LIST || value->count == 0 || value->count > HOOK_WORDS_MAX) {
		if (value->kind != TREE_BROKEN)
			REPORT(reading, value,
			       "%s: not a list of a program and at most %d arguments; write such "
			       "as [/usr/bin/notify-send, a request waits]",
			       what, HOOK_WORDS_MAX - 1);
		return false;
	}
	if (!are_texts(reading, what, value))
		return false;
	if (value->first->text[0] == '/')
		return true;
	REPORT(reading, value->first,
	       "%s: %.60s: not an absolute path (no PATH is searched for it)", what,
	       value->first->text);
	return false;
}

static int copy_words(char ***ret, const struct yaml_node *first, size_t count) {
	char **words = calloc(count + 1, sizeof(*words));
	size_t n = 0;

	if (words == NULL)
		return -ENOMEM;
	for (const struct yaml_node *word = first; word != NULL; word = word->next) {
		words[n] = strdup(word->text);
		if (words[n++] == NULL) {
			words_free(&words);
			return -ENOMEM;
		}
	}
	words_free(ret);
	*ret = words;
	return 0;
}

int command_read(char ***ret, struct reading *reading, const char *what,
                 const struct yaml_node *value) {
	return is_command(reading, what, value) ? copy_words(ret, value->first, value->count) : 0;
}

int paths_read(char ***ret, struct reading *reading, const char *what,
               const struct yaml_node *value, size_t n_max) {
	if (value->kind != TREE_LIST || value->count == 0 || value->count > n_max) {
		if (value->kind != TREE_BROKEN)
			REPORT(reading, value, "%s: not a list of at most %zu absolute paths", what,
			       n_max);
		return 0;
	}
	if (!are_texts(reading, what, value))
		return 0;
	for (const struct yaml_node *path = value->first; path != NULL; path = path->next)
		if (path->text[0] != '/') {
			REPORT(reading, path, "%s: %.60s: not an absolute path", what, path->text);
			return 0;
		}
	return copy_words(ret, value->first, value->count);
}

int command_of(char ***ret, const char *path) {
	char **words = calloc(2, sizeof(*words));

	if (words == NULL)
		return -ENOMEM;
	words[0] = strdup(path);
	if (words[0] == NULL) {
		free(words);
		return -ENOMEM;
	}
	words_free(ret);
	*ret = words;
	return 0;
}
