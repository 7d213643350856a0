/*
 * The language of macOS's sandbox profiles, as far as it is written here: lists in parentheses,
 * names, and strings. Apple documents none of it. A string is quoted as its reader, a Scheme, takes
 * it, and what is not certain to come out of that as it went in is refused.
 */
#ifndef SANDBOX_SBPL_H
#define SANDBOX_SBPL_H

#include "base/buffer.h"
#include "base/cleanup.h"

/* Appends the text as a string, in quotes. Else appends nothing, and returns what it has that
 * cannot be written: "a control character". */
const char *sbpl_put_string(struct buffer *profile, const char *text) MUST_CHECK;

#endif
