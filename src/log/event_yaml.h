/* An event as a YAML document that any YAML reader takes back, whatever bytes are in it. */
#ifndef LOG_EVENT_YAML_H
#define LOG_EVENT_YAML_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/event.h"

/* Appends "---\n" and the fields. -ENOMEM; *document is then as it was. */
int event_yaml(struct buffer *document, const struct event *event) MUST_CHECK;

#endif
