/* The events as they are written: reads those of the last hours in small parts, so that whoever
 * shows them is not kept, and then those that come. */
#ifndef MONITOR_TRAIL_H
#define MONITOR_TRAIL_H

#include <ev.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/cleanup.h"

/* A document holds for the call; one without data says that the log is another one from here on. */
typedef void trail_event(void *data, struct bytes document);

struct trail;

/* state: the path of the state directory, which need not be there yet; loop must outlive it. */
int trail_new(struct trail **ret, struct ev_loop *loop, const char *state, trail_event *event,
              void *data) MUST_CHECK;
void trail_free(struct trail *trail); /* NULL is fine */

/* Looks whether there is something new. Whether it is told of that by the system from here on. */
bool trail_look(struct trail *trail);

#endif
