/* An event as one line of JSON (RFC 8259): ASCII, for programs. */
#ifndef LOG_JSON_H
#define LOG_JSON_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

/* Appends the document as an object on a line of its own, with its newline. Texts come with the
 * escape of log/escape.h, as in the document. -EBADMSG: the guard does not write such a document;
 * *line is then as it was. */
int event_json(struct buffer *line, struct bytes document) MUST_CHECK;

#endif
