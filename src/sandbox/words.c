#include "sandbox/words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Takes the word over, also where it fails. */
static void push(struct words *words, char *word) {
	char **items = NULL;

	if (words->error == 0 && word != NULL)
		items = array_resize(words->items, words->count + 2, sizeof(*items));
	if (items == NULL) {
		words->error = -ENOMEM;
		free(word);
		return;
	}
	items[words->count++] = word;
	items[words->count] = NULL;
	words->items = items;
}

void words_add(struct words *words, const char *word) {
	push(words, strdup(word));
}

void words_addf(struct words *words, const char *format, ...) {
	va_list arguments;
	char *made = NULL;

	va_start(arguments, format);
	if (vasprintf(&made, format, arguments) < 0)
		made = NULL;
	va_end(arguments);
	push(words, made);
}

void words_add3(struct words *words, const char *first, const char *second, const char *third) {
	if (first != NULL)
		words_add(words, first);
	if (second != NULL)
		words_add(words, second);
	if (third != NULL)
		words_add(words, third);
}

bool words_have(const struct words *words, const char *word) {
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->items[i], word) == 0)
			return true;
	return false;
}

void words_deinit(struct words *words) {
	for (size_t i = 0; i < words->count; i++)
		free(words->items[i]);
	free(words->items);
	*words = (struct words){0};
}
