/* A list of texts as execve() takes it, in one block of memory: free() lets go of all of it. */
#ifndef BASE_ARGV_H
#define BASE_ARGV_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"

/* Copies texts that stand one behind the other, each ended by a NUL; the last one may lack it.
 * *ret is handed over, *ret_argc texts and a NULL. No bytes are no texts. -ENOMEM. */
int argv_split(char ***ret, size_t *ret_argc, struct bytes joined) MUST_CHECK;

/* As that, of another list. */
int argv_copy(char ***ret, char *const *argv, size_t argc) MUST_CHECK;

#endif
