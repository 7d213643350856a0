/*
 * Which values of a caller's environment look like secrets. A log, and what people paste from a
 * terminal, are read by more than may know them; so what looks like one is not written down.
 */
#ifndef LOG_SECRET_H
#define LOG_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define SECRET_MASK "(not shown)" /* what stands in its place */

/* By the name of the variable (API_TOKEN), or by the value: key material, a token of a well-known
 * form, a password in a URL, or a long row of letters and digits that no person would type. */
bool looks_secret(struct bytes name, const char *value);
/* Of the well-known beginning of a token ("ghp_"), where the text has one; else 0. */
size_t secret_mark_len(struct bytes text);

#endif
