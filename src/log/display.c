#include "log/display.h"

#include <stdio.h>
#include <wchar.h>

#define ESCAPE_SIZE sizeof("\\xff")

/* Hebrew, Arabic and their neighbours; the same in presentation forms; the blocks above U+FFFF. */
static bool runs_from_right_to_left(wchar_t c) {
	return (c >= 0x0590 && c <= 0x08ff) || (c >= 0xfb1d && c <= 0xfdff) ||
	       (c >= 0xfe70 && c <= 0xfeff) || (c >= 0x10800 && c <= 0x10fff) ||
	       (c >= 0x1e800 && c <= 0x1efff);
}

/* The length of the character that the bytes begin with, and its columns; 0: there is none that may
 * be shown. */
static size_t character_len(size_t *ret_columns, struct bytes bytes, bool utf8) {
	const wchar_t soft_hyphen = 0xad; /* has a width by its tables, and none on terminals */
	mbstate_t state = {0};
	wchar_t c;
	size_t len;
	int columns;

	if (bytes.data[0] < 0x80) {
		*ret_columns = 1;
		return bytes.data[0] >= 0x20 && bytes.data[0] < 0x7f ? 1 : 0;
	}
	if (!utf8)
		return 0;
	len = mbrtowc(&c, (const char *)bytes.data, bytes.len, &state);
	if (len == 0 || len > bytes.len) /* (size_t)-1 and -2, too */
		return 0;
	columns = wcwidth(c);
	if (columns <= 0 || c == soft_hyphen || runs_from_right_to_left(c))
		return 0;
	*ret_columns = (size_t)columns;
	return len;
}

static struct bytes from(struct bytes bytes, size_t at) {
	return (struct bytes){bytes.data + at, bytes.len - at};
}

/* A backslash that could be mistaken for the beginning of an escape. */
static bool is_ambiguous(struct bytes bytes) {
	return bytes.len > 1 && bytes.data[0] == '\\' && bytes.data[1] == 'x';
}

void display_put(struct buffer *shown, struct bytes original, bool utf8) {
	size_t at = 0, plain = 0, columns;
	char escape[ESCAPE_SIZE];

	while (at < original.len) {
		size_t len = character_len(&columns, from(original, at), utf8);

		if (len > 0 && !is_ambiguous(from(original, at))) {
			at += len;
			continue;
		}
		snprintf(escape, sizeof(escape), "\\x%02x", original.data[at]);
		buffer_put_raw(shown, (struct bytes){original.data + plain, at - plain});
		buffer_put_raw(shown, bytes_of_text(escape));
		plain = ++at;
	}
	if (at > plain)
		buffer_put_raw(shown, (struct bytes){original.data + plain, at - plain});
}

/* Walks whole characters up to that many columns. */
static size_t walk(size_t *ret_columns, struct bytes shown, size_t columns_max) {
	size_t at = 0;

	*ret_columns = 0;
	while (at < shown.len) {
		size_t columns = 1;
		size_t len = character_len(&columns, from(shown, at), true);

		if (columns > columns_max - *ret_columns)
			break;
		*ret_columns += columns;
		at += len > 0 ? len : 1;
	}
	return at;
}

size_t display_width(struct bytes shown) {
	size_t columns;

	walk(&columns, shown, SIZE_MAX);
	return columns;
}

size_t display_fit(struct bytes shown, size_t columns) {
	size_t taken;

	return walk(&taken, shown, columns);
}
