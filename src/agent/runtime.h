/*
 * The runtime directory (contract: RUNTIME/ssh-agent-guard), which holds the control socket and the
 * managed agent: checked, watched, and made again where it goes while the guard runs, as it does
 * with the last logout of a user whose guard stays.
 */
#ifndef AGENT_RUNTIME_H
#define AGENT_RUNTIME_H

#include <ev.h>

#include "base/cleanup.h"

/* Between two looks whether it is there, and still the one that was made. A watch does not tell of
 * what a logout does: the file system below goes, and with it what was watched stays as it was, where
 * no path leads any more. */
#define RUNTIME_LOOK_S 3.

struct runtime;

/* Something changed in it, or it was made again: what should lie there may be gone. */
typedef void runtime_changed(void *data);

/* Makes and checks the directory at path (borrowed): ours alone, and nobody else's to replace. What
 * is wrong has been said. */
int runtime_new(struct runtime **ret, struct ev_loop *loop, const char *path,
                runtime_changed *changed, void *data) MUST_CHECK;
void runtime_free(struct runtime *runtime); /* leaves the directory; NULL is fine */

/* Looks now, where somebody has a reason to think that it is back. */
void runtime_look(struct runtime *runtime);

#endif
