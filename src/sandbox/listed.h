/*
 * Directories of which a program sees what is in them when it begins, each thing by itself. What is
 * made there later is nowhere to be seen, so that is how a path is hidden that is not there yet:
 * nothing can be mounted over it.
 */
#ifndef SANDBOX_LISTED_H
#define SANDBOX_LISTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "sandbox/plan.h"
#include "sandbox/words.h"

#define LISTED_ENTRIES_MAX 256 /* each is a mount, and the time for them grows with the square */

struct listed {
	struct words directories; /* sorted, without links */
	struct words hidden;      /* what is not there, and not to be seen later */
	struct words open;        /* what of it will be seen all the same, and why: sentences */
};

/* Which directories those are, by what of the plan is to be hidden and is not there. */
int listed_init(struct listed *ret, const struct plan *plan) MUST_CHECK;
void listed_deinit(struct listed *listed);

bool listed_has(const struct listed *listed, const char *directory);
/* Appends those that are below the directory (or it itself), or those that are not. */
void listed_put(const struct listed *listed, struct words *words, const char *directory,
                bool below);
/* Nothing can be made in them. To come after all that is mounted there. */
void listed_close(const struct listed *listed, struct words *words);

#endif
