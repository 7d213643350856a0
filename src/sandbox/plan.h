/*
 * What a program that `exec` runs gets to see: written as a command line of bubblewrap. Everything
 * of the system read-only, with what leads to keys, to other agents or to the world outside covered
 * up; a working directory that can be written; and one socket, the guard's.
 */
#ifndef SANDBOX_PLAN_H
#define SANDBOX_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "sandbox/words.h"

#define PLAN_PATHS_MAX 64 /* of one option */

struct plan_paths {
	const char *items[PLAN_PATHS_MAX];
	size_t count;
};

struct plan {
	const char *home, *cwd; /* absolute, without links */
	/* The guard's: never to be seen inside, nor to lie below what can be written there. */
	const char *policy, *state, *runtime, *program;
	const char *socket; /* of the endpoint, outside */
	struct plan_paths sockets, writable, readable;
	bool private_home, no_network, allow_x11, allow_wayland;
	int filter_fd;
};

/* The directory of the endpoint's socket inside; owned by the caller. */
char *plan_inner_runtime(void);

/* Whether what is to be written inside leaves the guard, its files and the home alone. *ret_why is
 * a sentence, owned by the caller, where not: -EPERM. */
int plan_check(char **ret_why, const struct plan *plan) MUST_CHECK;

/* Appends bubblewrap's options; the command is the caller's to add. -EPERM as above. */
int plan_words(struct words *words, char **ret_why, const struct plan *plan) MUST_CHECK;

#endif
