/*
 * The statement of a request: those lines of its event that say who asks for what and where, as
 * they stand in the event's document. A touch says yes to its SHA-256, so whoever has the event can
 * make it again:
 *
 *	grep -E '^(trigger|process_name|...): ' EVENT | sha256sum
 *
 * Not in it: the rule, the surroundings, and whatever else may become another by the time that the
 * person has answered. Pure.
 */
#ifndef LOG_STATEMENT_H
#define LOG_STATEMENT_H

#include "base/buffer.h"
#include "base/bytes.h"

/* Appends the lines of the document that are in it. */
void statement_put(struct buffer *statement, struct bytes document);

#endif
