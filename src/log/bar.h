/*
 * The guard's status as one line for a status bar. The document in, a line out.
 *
 * A bar obeys what it is given: tmux its formats (`#[...]`), waybar and i3status-rust pango's
 * markup. So what a bar shows by itself is made of the guard's own words and a number; the
 * sentences beside it, which may quote a file or a program, have nothing left in them that markup
 * or a terminal could obey.
 */
#ifndef LOG_BAR_H
#define LOG_BAR_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

enum bar_format {
	BAR_TEXT,     /* the state, and what it means */
	BAR_TMUX,     /* a badge in tmux's format; empty while there is nothing to tell */
	BAR_WAYBAR,   /* JSON of its custom module, for return-type json */
	BAR_I3STATUS, /* JSON of i3status-rust's custom block */
};

/* Appends the line with its newline. What the document does not have, or not as the guard writes
 * it, is shown as unknown. -ENOMEM: *line is then as it was. */
int bar_line(struct buffer *line, enum bar_format format, struct bytes document) MUST_CHECK;

#endif
