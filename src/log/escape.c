#include "log/escape.h"

#define ESCAPE_LEN 4 /* of "\xHH" */

/* The length of the valid UTF-8 character that the bytes begin with, 0 where they do not. The
 * bounds of the second byte keep out overlong forms, surrogates and what lies above U+10FFFF
 * (RFC 3629 section 4). */
static size_t character_len(struct bytes bytes) {
	uint8_t first = bytes.data[0];
	uint8_t low = 0x80, high = 0xbf;
	size_t len;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (bytes.len < len || bytes.data[1] < low || bytes.data[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((bytes.data[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static struct bytes part(struct bytes bytes, size_t from, size_t len) {
	return (struct bytes){bytes.data + from, len};
}

static void put_byte(struct buffer *escaped, uint8_t byte) {
	static const char digits[] = "0123456789abcdef";
	const uint8_t escape[ESCAPE_LEN] = {'\\', 'x', (uint8_t)digits[byte >> 4],
	                                    (uint8_t)digits[byte & 15]};

	buffer_put_raw(escaped, BYTES(escape));
}

static bool must_escape(struct bytes original, size_t at, size_t character) {
	if (character == 0 || original.data[at] == '\0')
		return true;
	return original.data[at] == '\\' && at + 1 < original.len && original.data[at + 1] == 'x';
}

size_t escape_put(struct buffer *escaped, struct bytes original, size_t len_max) {
	size_t at = 0, plain = 0; /* what lies between them stands for itself */

	while (at < original.len && at < len_max) {
		struct bytes rest = part(original, at, original.len - at);
		size_t character = character_len(rest);

		if (must_escape(original, at, character)) {
			buffer_put_raw(escaped, part(original, plain, at - plain));
			put_byte(escaped, original.data[at]);
			plain = ++at;
		} else if (character > len_max - at) {
			break;
		} else {
			at += character;
		}
	}
	if (at > plain)
		buffer_put_raw(escaped, part(original, plain, at - plain));
	return at;
}

static int digit(uint8_t character) {
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	return -1;
}

/* The byte that an escape at the beginning stands for, -1 where there is none. */
static int escaped_byte(struct bytes rest) {
	if (rest.len < ESCAPE_LEN || rest.data[0] != '\\' || rest.data[1] != 'x' ||
	    digit(rest.data[2]) < 0 || digit(rest.data[3]) < 0)
		return -1;
	return digit(rest.data[2]) << 4 | digit(rest.data[3]);
}

void escape_undo(struct buffer *original, struct bytes escaped) {
	size_t at = 0, plain = 0;

	while (at < escaped.len) {
		int byte = escaped_byte(part(escaped, at, escaped.len - at));

		if (byte < 0) {
			at++;
			continue;
		}
		buffer_put_raw(original, part(escaped, plain, at - plain));
		buffer_put_u8(original, (uint8_t)byte);
		plain = at += ESCAPE_LEN;
	}
	if (at > plain)
		buffer_put_raw(original, part(escaped, plain, at - plain));
}
