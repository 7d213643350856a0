#include "base/plain.h"

#include <stdio.h>

#define MARK "..."

static size_t plain_byte(char ret[static 5], uint8_t byte) {
	if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
		ret[0] = (char)byte;
		return 1;
	}
	snprintf(ret, 5, "\\x%02x", byte);
	return 4;
}

/* How many bytes, from the front or from the end, take at most room characters. */
static size_t fitting(struct bytes text, size_t room, bool from_end) {
	char shown[5];
	size_t n = 0;

	for (; n < text.len; n++) {
		size_t len = plain_byte(shown, text.data[from_end ? text.len - 1 - n : n]);

		if (len > room)
			break;
		room -= len;
	}
	return n;
}

static void put_all(struct buffer *buffer, struct bytes text) {
	for (size_t i = 0; i < text.len; i++) {
		char shown[5];
		size_t len = plain_byte(shown, text.data[i]);

		buffer_put_raw(buffer, (struct bytes){(const uint8_t *)shown, len});
	}
}

void plain_put(struct buffer *buffer, struct bytes text, size_t len_max) {
	size_t room, head, tail;

	if (len_max == 0 || fitting(text, len_max, false) == text.len) {
		put_all(buffer, text);
		return;
	}
	room = len_max > strlen(MARK) ? len_max - strlen(MARK) : 0;
	head = fitting(text, room / 2, false);
	tail = fitting(text, room - room / 2, true);
	put_all(buffer, (struct bytes){text.data, head});
	buffer_put_raw(buffer, bytes_of_text(MARK));
	put_all(buffer, (struct bytes){text.data + text.len - tail, tail});
}

void plain_keep(struct buffer *buffer, struct bytes text) {
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\\')
			buffer_put_u8(buffer, '\\');
		else
			put_all(buffer, (struct bytes){text.data + i, 1});
	}
}
