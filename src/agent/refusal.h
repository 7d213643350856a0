/* The line by which somebody is told on his terminal that a request of his was refused. Pure. */
#ifndef AGENT_REFUSAL_H
#define AGENT_REFUSAL_H

#include "base/buffer.h"
#include "facts/event.h"

/* state: the guard's state directory, where that is not the ordinary one; else NULL. */
void refusal_put(struct buffer *text, const struct event *event, const char *state);

#endif
