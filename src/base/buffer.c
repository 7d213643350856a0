#include "base/buffer.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_LEN_MAX ((size_t)64 * 1024 * 1024) /* far above any message: a runaway ends here */
#define CAPACITY_MIN   64

void buffer_deinit(struct buffer *buffer) {
	if (buffer->data != NULL)
		OPENSSL_cleanse(buffer->data, buffer->capacity);
	free(buffer->data);
	*buffer = (struct buffer){0};
}

/* Not realloc(), which would leave the old bytes behind unwiped. */
static int buffer_grow(struct buffer *buffer, size_t needed) {
	size_t capacity = buffer->capacity > 0 ? buffer->capacity : CAPACITY_MIN;
	uint8_t *data;

	while (capacity < needed)
		capacity *= 2;
	data = malloc(capacity);
	if (data == NULL)
		return -ENOMEM;
	if (buffer->len > 0)
		memcpy(data, buffer->data, buffer->len);
	if (buffer->data != NULL)
		OPENSSL_cleanse(buffer->data, buffer->capacity);
	free(buffer->data);
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

void buffer_put_raw(struct buffer *buffer, struct bytes bytes) {
	if (buffer->error < 0 || bytes.len == 0)
		return;
	if (bytes.len > BUFFER_LEN_MAX - buffer->len) {
		buffer->error = -EMSGSIZE;
		return;
	}
	if (bytes.len > buffer->capacity - buffer->len)
		buffer->error = buffer_grow(buffer, buffer->len + bytes.len);
	if (buffer->error < 0)
		return;
	memcpy(buffer->data + buffer->len, bytes.data, bytes.len);
	buffer->len += bytes.len;
}

static void buffer_put_number(struct buffer *buffer, uint64_t number, size_t len) {
	uint8_t encoded[8];

	for (size_t i = 0; i < len; i++)
		encoded[i] = (uint8_t)(number >> 8 * (len - 1 - i));
	buffer_put_raw(buffer, (struct bytes){encoded, len});
}

void buffer_put_u8(struct buffer *buffer, uint8_t number) {
	buffer_put_number(buffer, number, 1);
}

void buffer_put_u32(struct buffer *buffer, uint32_t number) {
	buffer_put_number(buffer, number, 4);
}

void buffer_put_u64(struct buffer *buffer, uint64_t number) {
	buffer_put_number(buffer, number, 8);
}

void buffer_put_string(struct buffer *buffer, struct bytes bytes) {
	if (bytes.len > BUFFER_LEN_MAX) {
		buffer->error = -EMSGSIZE;
		return;
	}
	buffer_put_u32(buffer, (uint32_t)bytes.len);
	buffer_put_raw(buffer, bytes);
}

void buffer_drop(struct buffer *buffer, size_t len) {
	assert(len <= buffer->len);
	if (len == 0)
		return;
	memmove(buffer->data, buffer->data + len, buffer->len - len);
	buffer->len -= len;
}

void buffer_clear(struct buffer *buffer) {
	if (buffer->data != NULL)
		OPENSSL_cleanse(buffer->data, buffer->len);
	buffer->len = 0;
}

struct bytes buffer_bytes(const struct buffer *buffer) {
	return (struct bytes){buffer->data, buffer->len};
}

int buffer_error(const struct buffer *buffer) {
	return buffer->error;
}
