/* The last events, as rows of a table that fits the window. */
#ifndef MONITOR_PAST_H
#define MONITOR_PAST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define PAST_MAX 256 /* more than a window has lines */

struct past {
	struct buffer documents[PAST_MAX]; /* a ring */
	size_t next, count;
};

int past_add(struct past *past, struct bytes document) MUST_CHECK;
void past_clear(struct past *past);

/* The table of the last rows_max events: its head, and a row for each, from the oldest on, each
 * with its newline; nothing where there are none. */
int past_show(struct buffer *shown, const struct past *past, size_t rows_max, size_t width,
              bool utf8) MUST_CHECK;
/* The document of a row, counted from the newest on (0); empty where there is none. */
struct bytes past_document(const struct past *past, size_t from_newest);

#endif
