/*
 * What a program that `exec` runs gets to see, and what it may write: asked for by options, with
 * keys, other agents and the guard's own files kept out of it. How that is brought about differs
 * from one system to another (bubblewrap.c, seatbelt.c).
 */
#ifndef SANDBOX_PLAN_H
#define SANDBOX_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "sandbox/view.h"

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
};

/* Whether path is directory, or lies below it. */
bool path_is_below(const char *path, const char *directory);

/* Whether what is to be written inside leaves the guard, its files and the home alone. *ret_why is
 * a sentence, owned by the caller, where not: -EPERM. */
int plan_check(char **ret_why, const struct plan *plan) MUST_CHECK;

/* Appends what is seen of the files. -EPERM as above: something lies there that could lead
 * elsewhere. */
int plan_view(struct view *view, char **ret_why, const struct plan *plan) MUST_CHECK;

/* The variables of the environment that lead to what is outside; static. */
const char *const *plan_outside_variables(size_t *ret_count);

#endif
