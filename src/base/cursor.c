#include "base/cursor.h"

#include <errno.h>

struct cursor cursor_over(struct bytes bytes) {
	return (struct cursor){.rest = bytes};
}

struct bytes cursor_raw(struct cursor *cursor, size_t len) {
	struct bytes taken = {cursor->rest.data, len};

	if (cursor->failed || len > cursor->rest.len) {
		cursor->failed = true;
		cursor->rest = (struct bytes){0};
		return (struct bytes){0};
	}
	/* An empty view may have no address, and NULL + 0 is undefined in C17. */
	if (len > 0)
		cursor->rest.data += len;
	cursor->rest.len -= len;
	return taken;
}

static uint64_t cursor_number(struct cursor *cursor, size_t len) {
	struct bytes raw = cursor_raw(cursor, len);
	uint64_t number = 0;

	for (size_t i = 0; i < raw.len; i++)
		number = number << 8 | raw.data[i];
	return number;
}

uint8_t cursor_u8(struct cursor *cursor) {
	return (uint8_t)cursor_number(cursor, 1);
}

uint32_t cursor_u32(struct cursor *cursor) {
	return (uint32_t)cursor_number(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor) {
	return cursor_number(cursor, 8);
}

struct bytes cursor_string(struct cursor *cursor) {
	uint32_t len = cursor_u32(cursor);

	return cursor_raw(cursor, len);
}

struct bytes cursor_rest(struct cursor *cursor) {
	return cursor_raw(cursor, cursor->rest.len);
}

int cursor_finish(const struct cursor *cursor) {
	return cursor->failed || cursor->rest.len > 0 ? -EBADMSG : 0;
}

int cursor_check(const struct cursor *cursor) {
	return cursor->failed ? -EBADMSG : 0;
}
