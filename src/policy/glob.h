/*
 * Plain text with * and ?, matched in a time that no text and no pattern can stretch: at most
 * (length of the pattern) x (length of the text) steps, and most patterns are settled by their
 * beginning or their end.
 */
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define GLOB_LEN_MAX 1024 /* of the source; a person reads it, and it bounds the work */

struct glob {
	char *prefix; /* what stands before the first wildcard; all of it where there is none */
	size_t prefix_len;
	uint16_t *tokens; /* the rest, wildcards and bytes; NULL where there is none */
	size_t n_tokens;
	size_t suffix_len; /* how many of the last tokens are plain bytes */
};

/* In a path ? and * stop at "/", except that a * at the end means everything below, and ** crosses.
 * Elsewhere * crosses all there is, and ** is no different. A ? is one character of UTF-8.
 *
 * literal, which may be "", stands before the source and has no wildcards (a home directory may
 * have a * in its name). -EMSGSIZE: above GLOB_LEN_MAX. -ENOMEM. */
int glob_compile(struct glob *ret, const char *literal, const char *source, bool path) MUST_CHECK;
void glob_deinit(struct glob *glob);

bool glob_fits(const struct glob *glob, const char *text);

bool glob_fits_all(const struct glob *glob); /* a lone "*" */
bool glob_equal(const struct glob *a, const struct glob *b);

#endif
