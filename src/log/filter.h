/* Which events are wanted, by what their fields say. */
#ifndef LOG_FILTER_H
#define LOG_FILTER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define FILTER_TERMS_MAX 32 /* typed by a person */

struct filter_term {
	const char *name; /* borrowed; "decision", "local_proc_tree.exe" */
	size_t name_len;
	struct buffer value;
	bool asked; /* an event was asked about */
	bool seen;  /* and one of these has the field */
};

/* A zeroed filter wants every event. Among terms of one name, one has to hold; of each name, one.
 */
struct filter {
	struct filter_term terms[FILTER_TERMS_MAX];
	size_t count;
};

/* text: NAME=VALUE, which must outlive the filter. A name is that of a field, or with points that
 * of one within another. The value is all of the field's text, number, true or false, or of one
 * element of its list; \xHH in it is a byte (log/escape.h). -EINVAL: no name, or no "=".
 * -E2BIG: too many terms. */
int filter_add(struct filter *filter, const char *text) MUST_CHECK;
void filter_deinit(struct filter *filter);

/* A document that is not of the guard's form is wanted only if the filter wants every event. */
bool filter_wants(struct filter *filter, struct bytes document);

#endif
