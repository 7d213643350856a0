/*
 * The event of a request that waits is made when it is asked, and by which method it will be
 * answered may change until then.
 */
#ifndef LOG_EVENT_METHOD_H
#define LOG_EVENT_METHOD_H

#include "base/buffer.h"

/* Puts that method in the place of the one that the event has; as it was, where memory is short or
 * it has none. */
void event_method_set(struct buffer *event, const char *method);

#endif
