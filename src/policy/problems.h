/* What is wrong with a policy file: every problem at once, each with its place. */
#ifndef POLICY_PROBLEMS_H
#define POLICY_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct problem {
	char *file;
	size_t line;   /* from 1; 0: the file as a whole */
	size_t column; /* from 1, in characters; 0 where line is */
	char *text;    /* what, why, and what to do; not yet made safe for a terminal */
};

struct problems {
	struct problem *items;
	size_t count;
	size_t omitted; /* beyond PROBLEMS_MAX, or out of memory */
};
#define PROBLEMS_MAX 50 /* more than anybody reads; a hostile file makes millions */

void problems_deinit(struct problems *problems);
void problems_add(struct problems *problems, const char *file, size_t line, size_t column,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Those that were left out count, too: whoever compares before and after sees every failure. */
size_t problems_total(const struct problems *problems);
/* Puts those from index from on into the order of their places, each once. */
void problems_sort(struct problems *problems, size_t from);

/* Appends each as "file:line:column: text", with the separator between them. */
void problems_text(struct buffer *text, const struct problems *problems, const char *separator);

#endif
