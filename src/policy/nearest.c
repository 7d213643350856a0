#include "policy/nearest.h"

#include <string.h>
#include <strings.h>

#define WORD_LEN_MAX 48 /* longer than any name of the language */
#define SLIPS_MAX    3  /* "git_operation" is no slip for "operation" */

static size_t least(size_t a, size_t b) {
	return a < b ? a : b;
}

/* Changes of one letter, and swaps of two neighbours, from a to b (optimal string alignment). */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len) {
	size_t rows[3][WORD_LEN_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;

			row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[b_len];
}

const char *nearest(const char *word, const char *const *names, size_t n_names) {
	size_t len = strlen(word);
	/* A third of the letters: "env" is no slip for "exe". */
	size_t best = least(len / 3, SLIPS_MAX) + 1;
	const char *name = NULL;

	if (len < 2 || len > WORD_LEN_MAX)
		return NULL;
	for (size_t i = 0; i < n_names; i++) {
		size_t name_len = strlen(names[i]);
		size_t far;

		if (name_len > WORD_LEN_MAX)
			continue;
		/* A capital, or a hyphen for an underscore, is the likeliest slip of all. */
		if (strcasecmp(word, names[i]) == 0)
			return names[i];
		far = distance(word, len, names[i], name_len);
		if (far < best) {
			best = far;
			name = names[i];
		}
	}
	return name;
}
