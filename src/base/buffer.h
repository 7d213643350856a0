/*
 * A growing buffer for writing, in the encoding of RFC 4251 section 5. Its first failure sticks, so
 * that a writer is checked once, by buffer_error(). Contents are wiped when it grows or ends: keys
 * and passphrases pass through it.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

struct buffer {
	uint8_t *data; /* owned; NULL while empty */
	size_t len;
	size_t capacity;
	int error; /* 0, -ENOMEM or -EMSGSIZE */
};

/* A zeroed struct buffer is an empty one; buffer_deinit() leaves it so again. */
void buffer_deinit(struct buffer *buffer);

void buffer_put_raw(struct buffer *buffer, struct bytes bytes);
void buffer_put_u8(struct buffer *buffer, uint8_t number);
void buffer_put_u32(struct buffer *buffer, uint32_t number);
void buffer_put_u64(struct buffer *buffer, uint64_t number);
void buffer_put_string(struct buffer *buffer, struct bytes bytes); /* uint32 length first */

/* Drops the first len bytes; len must not be more than there are. */
void buffer_drop(struct buffer *buffer, size_t len);
/* Empties and wipes, and keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* The view holds until the next write. */
struct bytes buffer_bytes(const struct buffer *buffer);
int buffer_error(const struct buffer *buffer) MUST_CHECK;

#endif
