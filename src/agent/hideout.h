/*
 * Where the managed agent listens: in a directory that no path leads to, from where its socket is
 * taken away as soon as we hold it; or, where the system gives us no such directory, in one of
 * mode 0700, which keeps out other users, and no other programs of this one.
 */
#ifndef AGENT_HIDEOUT_H
#define AGENT_HIDEOUT_H

#include <stdbool.h>

#include "base/cleanup.h"

#define HIDEOUT_SOCKET "s" /* in the directory */

struct hideout;

/* parent, in which named directories are made, must exist and be private. Those of guards that were
 * killed are cleared away. */
int hideout_new(struct hideout **ret, const char *parent) MUST_CHECK;
void hideout_free(struct hideout *hideout); /* NULL is fine; the agent has ended */

/* Makes room for an agent that is to be started. Once there was a hidden one, no other will do. */
int hideout_prepare(struct hideout *hideout) MUST_CHECK;

/* In the child: makes the directory its own working directory. */
int hideout_enter(const struct hideout *hideout) MUST_CHECK;

/* For an agent that is handed its listener: makes that in the directory, and claims it. */
int hideout_listen(struct hideout *hideout, int *ret_fd) MUST_CHECK;

/* The agent listens. From here on the address is good. */
int hideout_claim(struct hideout *hideout) MUST_CHECK;

/* A path to connect to, which holds until the next hideout_prepare(). Of a hidden one it is good in
 * this process alone. "": not claimed yet. */
const char *hideout_address(const struct hideout *hideout);

bool hideout_is_hidden(const struct hideout *hideout);
/* Why it is not, for a person; NULL where it is, or nothing was prepared yet. Static. */
const char *hideout_why_not(const struct hideout *hideout);

/* Whether nobody can reach the agent any more, not even we. */
bool hideout_is_lost(const struct hideout *hideout);

#endif
