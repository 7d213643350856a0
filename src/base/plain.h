/*
 * Text of strangers as it is shown to somebody who has to decide: printable ASCII stays, all else
 * (control characters, escapes, changes of the writing direction, letters that look like others)
 * comes out as \xHH, and what is too long loses its middle, so that its end is seen.
 */
#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

#include "base/buffer.h"
#include "base/bytes.h"

/* Appends at most len_max characters of it, "..." in the middle included; 0: all of it. */
void plain_put(struct buffer *buffer, struct bytes text, size_t len_max);

/* Text that was made so before, by somebody who may be an impostor: all but printable ASCII comes
 * out as \xHH, and an escape that is there already stays one. */
void plain_keep(struct buffer *buffer, struct bytes text);

#endif
