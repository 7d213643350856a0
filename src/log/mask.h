/*
 * Secrets within the arguments of a program. `git push https://me:TOKEN@host` and `sh -c 'TOKEN=...
 * make'` stand above a signature as its ancestors, and everybody who reads the log would have them.
 *
 * An argument is shown but for the parts that look like a secret. What is hidden is less than of a
 * variable (log/secret.h): a commit's number is a long row of letters and digits, too, and an
 * argument that rules and people look for must stay. A secret that has no mark, no name and no URL
 * around it is shown.
 */
#ifndef LOG_MASK_H
#define LOG_MASK_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"

/* The argument itself, or where there is something to hide, what is to be shown, which *room holds.
 * *is_secret: whether the argument before was an option that is followed by a secret (--token);
 * afterwards, whether this one is. */
struct bytes mask_argument(struct buffer *room, struct bytes argument, bool *is_secret);

#endif
