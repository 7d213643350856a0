/* The part of an event that says where a login goes, and over which hosts. */
#ifndef LOG_EVENT_DESTINATION_H
#define LOG_EVENT_DESTINATION_H

#include "facts/request.h"
#include "log/doc.h"

void event_put_destination(struct doc *doc, const struct request *request);

#endif
