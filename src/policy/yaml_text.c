#include "policy/yaml_text.h"

#include <stdint.h>

#define BYTE_ORDER_MARK 0xfeff
#define NO_CHARACTER    UINT32_MAX

static bool is_continuation(uint8_t byte) {
	return (byte & 0xc0) == 0x80;
}

/* Takes one character off the front; NO_CHARACTER where it is no UTF-8 (RFC 3629), with nothing
 * taken. */
static uint32_t take_character(struct bytes *text) {
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t lead = text->data[0];
	size_t len = lead < 0x80   ? 1
	             : lead < 0xc2 ? 0
	             : lead < 0xe0 ? 2
	             : lead < 0xf0 ? 3
	             : lead < 0xf5 ? 4
	                           : 0;
	uint32_t character = len == 1 ? lead : lead & (0x7fU >> len);

	if (len == 0 || len > text->len)
		return NO_CHARACTER;
	for (size_t i = 1; i < len; i++) {
		if (!is_continuation(text->data[i]))
			return NO_CHARACTER;
		character = character << 6 | (text->data[i] & 0x3f);
	}
	if (character < least[len] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return NO_CHARACTER;
	text->data += len;
	text->len -= len;
	return character;
}

/* YAML 1.2, section 5.1. */
static bool is_printable(uint32_t character) {
	if (character < 0x20)
		return character == '\t' || character == '\n' || character == '\r';
	if (character >= 0x7f && character < 0xa0)
		return character == 0x85;
	return character != 0xfffe && character != 0xffff;
}

struct place {
	size_t line;
	size_t column;
	bool after_cr;
};

static void place_move(struct place *place, uint32_t character) {
	if (character == '\n' && place->after_cr) {
		place->after_cr = false;
		return;
	}
	place->after_cr = character == '\r';
	/* What libyaml counts as the end of a line, so that all places of a file agree. */
	if (character == '\n' || character == '\r' || character == 0x85 || character == 0x2028 ||
	    character == 0x2029) {
		place->line++;
		place->column = 1;
	} else {
		place->column++;
	}
}

static bool has_wide_byte_order_mark(struct bytes text) {
	return text.len >= 2 && ((text.data[0] == 0xff && text.data[1] == 0xfe) ||
	                         (text.data[0] == 0xfe && text.data[1] == 0xff));
}

bool yaml_text_check(struct bytes *text, const char *file, struct problems *problems) {
	struct bytes rest = *text;
	struct place at = {.line = 1, .column = 1};

	if (has_wide_byte_order_mark(rest)) {
		problems_add(problems, file, 1, 1,
		             "the file is UTF-16 (it begins with a byte order mark); save it as "
		             "UTF-8");
		return false;
	}
	if (rest.len >= 3 && take_character(&rest) == BYTE_ORDER_MARK)
		*text = rest; /* some editors write one; it says nothing */
	rest = *text;
	while (rest.len > 0) {
		uint8_t byte = rest.data[0];
		uint32_t character = take_character(&rest);

		if (character == NO_CHARACTER)
			problems_add(problems, file, at.line, at.column,
			             "byte 0x%02x is not UTF-8; save the file as UTF-8", byte);
		else if (character == BYTE_ORDER_MARK)
			problems_add(problems, file, at.line, at.column,
			             "a byte order mark in the middle of the file; remove it");
		else if (!is_printable(character))
			problems_add(problems, file, at.line, at.column,
			             "control character U+%04X; YAML takes none (in double quotes "
			             "it is written \"\\x%02x\")",
			             (unsigned)character, (unsigned)character & 0xff);
		else {
			place_move(&at, character);
			continue;
		}
		return false;
	}
	return true;
}

struct bytes yaml_text_at(struct bytes text, size_t line, size_t column) {
	struct place at = {.line = 1, .column = 1};
	struct bytes found;
	size_t len = 0;

	while (text.len > 0 && (at.line < line || (at.line == line && at.column < column))) {
		uint32_t character = take_character(&text);

		if (character == NO_CHARACTER)
			return (struct bytes){0};
		place_move(&at, character);
	}
	found = text;
	while (len < found.len && found.data[len] != '\n' && found.data[len] != '\r')
		len++;
	found.len = len;
	return found;
}
