/*
 * Events as a table for people, newest last: when, what was decided, what was asked, by which
 * program, for which key, for where, and why. Documents in, text out.
 *
 * The widths of the columns are found from the first rows, so these are held back until there are
 * enough of them, or table_flush() says that no more are to be expected soon.
 */
#ifndef LOG_TABLE_H
#define LOG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

struct table_options {
	size_t width; /* of the terminal; 0: there is none, and nothing is cut */
	bool utf8;    /* as of display_put() */
	bool colour;
};

struct table;

int table_new(struct table **ret, struct table_options options) MUST_CHECK;
void table_free(struct table *table); /* NULL is fine */

/* Appends what can be shown by now to *shown. -ENOMEM. A field that cannot be read is empty. */
int table_add(struct buffer *shown, struct table *table, struct bytes document) MUST_CHECK;
int table_flush(struct buffer *shown, struct table *table) MUST_CHECK;

/* The terminal has another width from here on. */
void table_set_width(struct table *table, size_t width);

#endif
