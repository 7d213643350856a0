/* The part of an event on what surrounds a caller: where it runs, and who may sit there. */
#ifndef LOG_EVENT_SURROUNDINGS_H
#define LOG_EVENT_SURROUNDINGS_H

#include "facts/caller.h"
#include "log/doc.h"

/* What is not known is left out. */
void event_put_surroundings(struct doc *doc, const struct caller *caller);

#endif
