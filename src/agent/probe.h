/*
 * Whether the real agent looks at session-binds, found out on a connection of its own: it takes one
 * that its host has signed, and refuses one that its host has not. Only such an agent knows by whom
 * a key is used, and so can keep to the constraints of ssh-add -h. gpg-agent refuses all binds, and
 * drops such a constraint while it says that it took the key.
 */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include <ev.h>

#include "agent/upstream.h"
#include "base/cleanup.h"

struct probe;

/* error is 0 where the agent looks at binds, -ENOTSUP where it does not, else as upstream_done. It
 * is called from the loop, or before probe_start() returns; free the probe there or later. */
typedef void probe_done(void *data, int error);

/* Both must outlive it. */
int probe_new(struct probe **ret, struct ev_loop *loop,
              struct upstream_address *address) MUST_CHECK;
void probe_start(struct probe *probe, probe_done *done, void *data);
void probe_free(struct probe *probe); /* NULL is fine; done is not called any more */

#endif
