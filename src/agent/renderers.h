/*
 * What the guard shows by itself, as its policy says: the option of tmux servers, i3status-rust's
 * file, and programs that are run when the status has changed. All but that file is done by
 * children (agent/renderer.h), after the answer; none of it can stop or delay the guard, and none
 * can fill the log with its failures.
 */
#ifndef AGENT_RENDERERS_H
#define AGENT_RENDERERS_H

#include "base/cleanup.h"
#include "facts/event.h"
#include "log/status.h"

struct guard;
struct renderers;

int renderers_new(struct renderers **ret, struct guard *guard) MUST_CHECK;
void renderers_free(struct renderers *renderers); /* ends its children; NULL is fine */

/* A request was decided. */
void renderers_event(struct renderers *renderers, const struct event *event);
/* The status was written. */
void renderers_status(struct renderers *renderers, const struct status *status);
/* The same for the last time: waits a moment for tmux. */
void renderers_stop(struct renderers *renderers, const struct status *status);
/* Another policy is in force. */
void renderers_policy_changed(struct renderers *renderers);
/* Which one has failed last, and how; NULL: none, or it is good again. */
const char *renderers_failure(const struct renderers *renderers);

#endif
