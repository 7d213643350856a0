/*
 * A bounded cursor over bytes that a stranger wrote, in the encoding of RFC 4251 section 5.
 *
 * It compares before it moves, and its first failure sticks: every later read gives zero or an
 * empty view, so that a parser reads like the definition of its message and is checked once, by
 * cursor_finish().
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

struct cursor {
	struct bytes rest;
	bool failed;
};

struct cursor cursor_over(struct bytes bytes);

uint8_t cursor_u8(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);

/* The views point into the bytes that the cursor was made over. */
struct bytes cursor_raw(struct cursor *cursor, size_t len);
struct bytes cursor_string(struct cursor *cursor); /* uint32 length, then that many bytes */
struct bytes cursor_rest(struct cursor *cursor);   /* all that is left */

/* 0 where every read was within bounds and nothing is left over, else -EBADMSG. */
int cursor_finish(const struct cursor *cursor) MUST_CHECK;

/* As cursor_finish(), but what is left over is no failure. */
int cursor_check(const struct cursor *cursor) MUST_CHECK;

#endif
