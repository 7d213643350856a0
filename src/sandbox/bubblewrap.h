/*
 * The plan as a command line of bubblewrap: namespaces, and everything of the system read-only,
 * with what leads to keys, to other agents or to the world outside covered up.
 */
#ifndef SANDBOX_BUBBLEWRAP_H
#define SANDBOX_BUBBLEWRAP_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "sandbox/listed.h"
#include "sandbox/plan.h"
#include "sandbox/words.h"

/* The directory of the endpoint's socket inside; owned by the caller. */
char *bubblewrap_runtime(void);

/* Whether nothing of what is outside can be seen there. */
bool bubblewrap_covers(const struct plan *plan, const char *path);

/* Appends its options; the command is the caller's to add. filter_fd is where it reads the filter
 * of system calls. Errors are those of plan_view(). */
int bubblewrap_words(struct words *words, char **ret_why, const struct plan *plan,
                     const struct listed *listed, int filter_fd) MUST_CHECK;

#endif
