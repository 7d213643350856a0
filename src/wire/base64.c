#include "wire/base64.h"

#include <errno.h>

static bool is_space(uint8_t byte) {
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

#define NO_DIGIT 0xff

/* A table, because 100,000 long keys must be read in a moment. */
static void digits_init(uint8_t values[static 256]) {
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	memset(values, NO_DIGIT, 256);
	for (uint8_t i = 0; i < 64; i++)
		values[(uint8_t)digits[i]] = i;
}

/* What may follow the last digit: count times '=', and white space. */
static bool is_padding(struct bytes rest, size_t count) {
	for (size_t i = 0; i < rest.len; i++) {
		if (is_space(rest.data[i]))
			continue;
		if (rest.data[i] != '=' || count == 0)
			return false;
		count--;
	}
	return count == 0;
}

int base64_decode(uint8_t *ret, size_t size, size_t *ret_len, struct bytes text) {
	uint32_t bits = 0; /* the last digits; those that are no byte yet are the lowest n_bits */
	unsigned n_bits = 0;
	size_t len = 0;
	uint8_t values[256];

	digits_init(values);
	for (; text.len > 0 && text.data[0] != '='; text.data++, text.len--) {
		uint8_t value = values[text.data[0]];

		if (value == NO_DIGIT) {
			if (is_space(text.data[0]))
				continue;
			return -EBADMSG;
		}
		bits = (bits << 6 | value) & 0xffff;
		n_bits += 6;
		if (n_bits >= 8) {
			if (len == size)
				return -EMSGSIZE;
			n_bits -= 8;
			ret[len++] = (uint8_t)(bits >> n_bits);
		}
	}
	/* Six bits left over are one lonely digit, four or two the last but for '==' or '='. */
	if (n_bits == 6 || (bits & ((1U << n_bits) - 1)) != 0)
		return -EBADMSG;
	if (!is_padding(text, n_bits / 2))
		return -EBADMSG;
	*ret_len = len;
	return 0;
}
