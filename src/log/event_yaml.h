/*
 * An event as a YAML document that any YAML reader takes back, whatever bytes are in it. Texts are
 * escaped as log/escape.h says, and docs/events.md lists the fields.
 */
#ifndef LOG_EVENT_YAML_H
#define LOG_EVENT_YAML_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/event.h"
#include "log/chain.h"

/* No document is longer, whatever the caller calls itself; what was too long is named, with its
 * full length, in the document's field "shortened". An ordinary one has about 1 KB. */
#define EVENT_LEN_MAX (256 * 1024)

/* Appends the document, from "---\n" to "...\n". -ENOMEM; *document is then as it was. */
int event_yaml_linked(struct buffer *document, const struct event *event,
                      const struct chain_link *link) MUST_CHECK;
/* As that, for a document that is no part of a log. */
int event_yaml(struct buffer *document, const struct event *event) MUST_CHECK;

#endif
