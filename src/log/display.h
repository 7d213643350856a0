/*
 * Bytes as a person may see them: in the escape of log/escape.h, which here also stands for
 * everything that could do something to a terminal instead of being shown by it. That is control
 * characters, what has no width of its own, and what turns the writing direction (letters that run
 * from right to left among it: beside them, columns change their places).
 *
 * Undoing the escape (escape_undo) gives the original bytes.
 */
#ifndef LOG_DISPLAY_H
#define LOG_DISPLAY_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"

/* utf8: whether whoever sees it expects UTF-8, which must then be the process's locale (LC_CTYPE);
 * all is ASCII otherwise. Errors stick in *shown. */
void display_put(struct buffer *shown, struct bytes original, bool utf8);

/* The columns that a text takes on a terminal. It comes from display_put(). */
size_t display_width(struct bytes shown);

/* How many bytes of it, whole characters, fit into that many columns. */
size_t display_fit(struct bytes shown, size_t columns);

#endif
