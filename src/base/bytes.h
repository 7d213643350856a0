/* A view of bytes that somebody else owns. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

/* Over a true array; not over a pointer, whose sizeof is no length. */
#define BYTES(array) ((struct bytes){(const uint8_t *)(array), sizeof(array)})

static inline struct bytes bytes_of_text(const char *text) {
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b) {
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text) {
	return bytes_equal(a, bytes_of_text(text));
}

/* The last one of these bytes, NULL where there is none. */
static inline const uint8_t *bytes_last(struct bytes bytes, uint8_t byte) {
	for (size_t i = bytes.len; i > 0; i--)
		if (bytes.data[i - 1] == byte)
			return bytes.data + i - 1;
	return NULL;
}

#endif
