#include "policy/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void problems_deinit(struct problems *problems) {
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->items[i].file);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct problems){0};
}

/* false: out of memory, or enough. */
static bool make_room(struct problems *problems) {
	struct problem *items;

	if (problems->count >= PROBLEMS_MAX)
		return false;
	items = array_resize(problems->items, problems->count + 1, sizeof(*items));
	if (items == NULL)
		return false;
	problems->items = items;
	return true;
}

void problems_add(struct problems *problems, const char *file, size_t line, size_t column,
                  const char *format, ...) {
	struct problem problem = {.line = line, .column = line > 0 ? column : 0};
	va_list arguments;

	if (!make_room(problems)) {
		problems->omitted++;
		return;
	}
	va_start(arguments, format);
	if (vasprintf(&problem.text, format, arguments) < 0)
		problem.text = NULL;
	va_end(arguments);
	problem.file = strdup(file);
	if (problem.file == NULL || problem.text == NULL) {
		free(problem.file);
		free(problem.text);
		problems->omitted++;
		return;
	}
	problems->items[problems->count++] = problem;
}

size_t problems_total(const struct problems *problems) {
	return problems->count + problems->omitted;
}

static int compare(const struct problem *a, const struct problem *b) {
	int order = strcmp(a->file, b->file);

	if (order != 0)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* A definition that is used twice is read twice, and so are its mistakes. */
static void drop_repeated(struct problems *problems, size_t from) {
	size_t kept = from;

	for (size_t i = from; i < problems->count; i++) {
		struct problem *problem = &problems->items[i];

		if (kept > from && compare(problem, &problems->items[kept - 1]) == 0) {
			free(problem->file);
			free(problem->text);
		} else {
			problems->items[kept++] = *problem;
		}
	}
	problems->count = kept;
}

/* By insertion: there are PROBLEMS_MAX at most. */
void problems_sort(struct problems *problems, size_t from) {
	for (size_t i = from + 1; i < problems->count; i++) {
		struct problem problem = problems->items[i];
		size_t at = i;

		for (; at > from && compare(&problem, &problems->items[at - 1]) < 0; at--)
			problems->items[at] = problems->items[at - 1];
		problems->items[at] = problem;
	}
	drop_repeated(problems, from);
}

void problems_text(struct buffer *text, const struct problems *problems, const char *separator) {
	char place[64];

	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		if (i > 0)
			buffer_put_raw(text, bytes_of_text(separator));
		snprintf(place, sizeof(place), ":%zu:%zu: ", problem->line, problem->column);
		buffer_put_raw(text, bytes_of_text(problem->file));
		buffer_put_raw(text, bytes_of_text(problem->line > 0 ? place : ": "));
		buffer_put_raw(text, bytes_of_text(problem->text));
	}
	if (problems->omitted == 0)
		return;
	snprintf(place, sizeof(place), "and %zu more", problems->omitted);
	buffer_put_raw(text, bytes_of_text(separator));
	buffer_put_raw(text, bytes_of_text(place));
}
