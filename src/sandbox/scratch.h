/* A directory for one program alone, which goes away with it, whatever that has left in there. */
#ifndef SANDBOX_SCRATCH_H
#define SANDBOX_SCRATCH_H

#include "base/cleanup.h"

#define SCRATCH_DEPTH_MAX 128 /* of directories in it that are removed, a descriptor for each */

/* Makes one, 0700, below the directory; *ret_path is owned by the caller. */
int scratch_new(char **ret_path, const char *parent) MUST_CHECK;

/* Removes it. No link is followed, and nothing outside is touched, whoever exchanges what is in it
 * meanwhile. Not 0: something could not be removed, and stays. */
int scratch_remove(const char *path) MUST_CHECK;

#endif
