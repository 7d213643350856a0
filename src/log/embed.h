/*
 * An event's document as the value of a field of another document, as the status has the last event
 * and the request that waits.
 */
#ifndef LOG_EMBED_H
#define LOG_EMBED_H

#include "log/doc.h"

/* How the document is read. */
enum embed_style {
	EMBED_FLOW, /* by our own reader, or a YAML parser: one line */
	/* Line by line, as shell scripts for the older ssh-agent-guard do: a line for each field,
	 * its own words without quotes, and the time as the wall's clock shows it. */
	EMBED_LINES,
};

/* document: as event_yaml() makes them; empty, or one without a field: the field is left out. seq
 * and prev, which are the log's, are left out. real_us: of the event. */
void embed_event(struct doc *doc, const char *key, struct bytes document, int64_t real_us,
                 enum embed_style style);

#endif
