/*
 * Any bytes as valid UTF-8, and back again. YAML knows text, not bytes, and what a caller calls
 * itself need not be text. So within a value
 *
 *     \xHH   two lower-case hexadecimal digits: this byte. Stands for each byte that is not part
 *            of valid UTF-8 (RFC 3629: surrogates and overlong forms are not), for NUL, and for a
 *            backslash (\x5c) that an "x" follows, because it could be mistaken for this escape.
 *
 * and all else stands for itself, other backslashes included. Read from left to right, every \xHH
 * becomes its byte, and the original is back, byte for byte. docs/events.md tells readers so.
 */
#ifndef LOG_ESCAPE_H
#define LOG_ESCAPE_H

#include "base/buffer.h"
#include "base/bytes.h"

/* Appends the escaped form of as many whole characters of original as fit into its first len_max
 * bytes, and returns how many bytes of it they are. Errors stick in *escaped. */
size_t escape_put(struct buffer *escaped, struct bytes original, size_t len_max);

/* Appends the original bytes. Never fails for what it reads: what is no escape stands for
 * itself. Errors stick in *original. */
void escape_undo(struct buffer *original, struct bytes escaped);

#endif
