/*
 * What a process calls itself, beside its executable: its title, argv[0], and the script that an
 * interpreter runs; and the file's own name where it is called by a link. Whoever starts a process
 * chooses all of them, so they may make a deny or confirm rule fit, never an allow.
 */
#ifndef POLICY_CLAIMS_H
#define POLICY_CLAIMS_H

#include <stddef.h>

#include "facts/caller.h"

#define CLAIMS_MAX 4

struct claims {
	const char *names[CLAIMS_MAX]; /* borrowed from the process */
	size_t count;
};

/* Names that differ from the executable's and from each other. */
struct claims claims_of(const struct process *process);

/* The script that an interpreter runs, as it was named; NULL: it is none, or runs none. */
const char *claims_script(const struct process *process);

#endif
