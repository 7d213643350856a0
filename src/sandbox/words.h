/* A command line in the making. Its first failure sticks, so that it is checked once, at the end. */
#ifndef SANDBOX_WORDS_H
#define SANDBOX_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct words {
	char **items; /* owned, as each of them; a NULL behind the last */
	size_t count;
	int error;
};

void words_add(struct words *words, const char *word);
__attribute__((format(printf, 2, 3))) void words_addf(struct words *words, const char *format, ...);
/* Up to three at once; NULL: none. */
void words_add3(struct words *words, const char *first, const char *second, const char *third);
bool words_have(const struct words *words, const char *word);
void words_deinit(struct words *words);

#endif
