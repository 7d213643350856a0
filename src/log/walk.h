/*
 * What stands in an event's document, piece by piece, in its order. It reads the form that
 * log/doc.h writes and no other YAML: a document that does not have it was not written by the
 * guard, and whoever shows it need not guess what it means.
 */
#ifndef LOG_WALK_H
#define LOG_WALK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define WALK_DEPTH_MAX  8  /* lists and mappings within each other; the guard writes 3 */
#define WALK_FIELDS_MAX 96 /* of the document; the guard writes fewer than half of that */

/* Views hold for the call. */
struct walk_calls {
	void (*open)(void *data, bool list); /* first of all for the document, a mapping */
	void (*close)(void *data, bool list);
	void (*key)(void *data, struct bytes name);
	/* A quoted text of printable ASCII, a number, true or false, as it stands there. */
	void (*value)(void *data, struct bytes value);
};

/* -EBADMSG: it has another form, which may come out only after some calls. */
int walk_document(struct bytes document, const struct walk_calls *calls, void *data) MUST_CHECK;

#endif
