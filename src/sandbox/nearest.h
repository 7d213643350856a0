/* Where a path leads that may not be there yet: as far as there is something, without links. */
#ifndef SANDBOX_NEAREST_H
#define SANDBOX_NEAREST_H

#include <stddef.h>

#include "base/cleanup.h"

/* The path, as it will be called once it is made; *ret_len is how much of it is there now, 0 for
 * the root. Owned by the caller; NULL: no memory, no absolute path, or links without an end. */
char *nearest_path(const char *path, size_t *ret_len);

#endif
