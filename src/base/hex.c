#include "base/hex.h"

#include <errno.h>

static const char digits[] = "0123456789abcdef";

void hex_put(char *ret, struct bytes bytes) {
	for (size_t i = 0; i < bytes.len; i++) {
		ret[2 * i] = digits[bytes.data[i] >> 4];
		ret[2 * i + 1] = digits[bytes.data[i] & 15];
	}
	ret[2 * bytes.len] = '\0';
}

/* 16: it is none. */
static uint8_t value_of(uint8_t digit) {
	if (digit >= '0' && digit <= '9')
		return (uint8_t)(digit - '0');
	return digit >= 'a' && digit <= 'f' ? (uint8_t)(digit - 'a' + 10) : 16;
}

int hex_read(uint8_t *ret, size_t size, size_t *ret_len, struct bytes text) {
	size_t len = text.len / 2;

	if (text.len % 2 != 0 || len > size)
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++)
		if (value_of(text.data[i]) > 15)
			return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)(value_of(text.data[2 * i]) << 4 |
		                   value_of(text.data[2 * i + 1]));
	*ret_len = len;
	return 0;
}
