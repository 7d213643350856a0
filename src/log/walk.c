#include "log/walk.h"

#include <errno.h>
#include <stdint.h>

#include "log/doc.h"

struct walk {
	const struct walk_calls *calls;
	void *data;
	struct bytes rest;
	size_t depth;
	struct bytes fields[WALK_FIELDS_MAX]; /* of the document, so that none stands twice */
	size_t n_fields;
};

static bool take(struct walk *walk, const char *text) {
	size_t len = strlen(text);

	if (walk->rest.len < len || memcmp(walk->rest.data, text, len) != 0)
		return false;
	walk->rest.data += len;
	walk->rest.len -= len;
	return true;
}

static struct bytes take_len(struct walk *walk, size_t len) {
	struct bytes taken = {walk->rest.data, len};

	walk->rest.data += len;
	walk->rest.len -= len;
	return taken;
}

static bool is_digit(uint8_t c) {
	return c >= '0' && c <= '9';
}

static bool is_name_byte(uint8_t c) {
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
}

static bool is_hexadecimal(uint8_t c) {
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static uint32_t hexadecimal(struct bytes digits) {
	uint32_t number = 0;

	for (size_t i = 0; i < digits.len; i++)
		number = number << 4 |
		         (uint32_t)(is_digit(digits.data[i]) ? digits.data[i] - '0'
		                                             : digits.data[i] - 'a' + 10);
	return number;
}

static bool is_plain(uint8_t c) {
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

/* The length of an escape of those that log/doc.c writes; 0: there is none. */
static size_t escape_len(struct bytes text) {
	uint8_t letter;
	size_t n_digits;
	uint32_t number;

	if (text.len < 2 || text.data[0] != '\\')
		return 0;
	letter = text.data[1];
	if (letter == '"' || letter == '\\' || letter == 'n' || letter == 't')
		return 2;
	n_digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
	if (n_digits == 0 || text.len < 2 + n_digits)
		return 0;
	for (size_t i = 0; i < n_digits; i++)
		if (!is_hexadecimal(text.data[2 + i]))
			return 0;
	number = hexadecimal((struct bytes){text.data + 2, n_digits});
	if (n_digits == 4)
		return number == 0 || (number >= 0xd800 && number <= 0xdfff) ? 0 : 6;
	return number < 0x10000 || number > 0x10ffff ? 0 : 10;
}

/* With its quotes; empty: there is none. */
static struct bytes take_quoted(struct walk *walk) {
	struct bytes rest = walk->rest;
	size_t at = 1;

	for (;;) {
		size_t len;

		while (at < rest.len && is_plain(rest.data[at]))
			at++;
		if (at == rest.len)
			return (struct bytes){0};
		if (rest.data[at] == '"')
			return take_len(walk, at + 1);
		len = escape_len((struct bytes){rest.data + at, rest.len - at});
		if (len == 0)
			return (struct bytes){0};
		at += len;
	}
}

/* Without a leading zero, which JSON forbids. */
static struct bytes take_number(struct walk *walk) {
	size_t len = 0;

	while (len < walk->rest.len && is_digit(walk->rest.data[len]))
		len++;
	if (len == 0 || (len > 1 && walk->rest.data[0] == '0'))
		return (struct bytes){0};
	return take_len(walk, len);
}

static struct bytes take_name(struct walk *walk) {
	size_t len = 0;

	while (len < walk->rest.len &&
	       ((walk->rest.data[len] >= 'a' && walk->rest.data[len] <= 'z') ||
	        walk->rest.data[len] == '_' || (len > 0 && is_digit(walk->rest.data[len]))))
		len++;
	return take_len(walk, len);
}

/* Names that are not the guard's are in quotes, which are left out here. */
static struct bytes take_any_name(struct walk *walk) {
	size_t len = 0;
	struct bytes name;

	if (!take(walk, "\""))
		return take_name(walk);
	while (len < walk->rest.len && is_name_byte(walk->rest.data[len]))
		len++;
	name = take_len(walk, len);
	return take(walk, "\"") ? name : (struct bytes){0};
}

static bool walk_scalar(struct walk *walk) {
	struct bytes start = walk->rest;
	struct bytes value = {0};

	if (walk->rest.len > 0 && walk->rest.data[0] == '"')
		value = take_quoted(walk);
	else if (take(walk, "true"))
		value = (struct bytes){start.data, strlen("true")};
	else if (take(walk, "false"))
		value = (struct bytes){start.data, strlen("false")};
	else
		value = take_number(walk);
	if (value.len == 0)
		return false;
	walk->calls->value(walk->data, value);
	return true;
}

static bool walk_value(struct walk *walk);

static bool walk_items(struct walk *walk, bool list) {
	const char *end = list ? "]" : "}";

	if (take(walk, end))
		return true;
	do {
		struct bytes name = {0};

		if (!list) {
			name = take_any_name(walk);
			if (name.len == 0 || !take(walk, ": "))
				return false;
			walk->calls->key(walk->data, name);
		}
		if (!walk_value(walk))
			return false;
	} while (take(walk, ", "));
	return take(walk, end);
}

static bool walk_value(struct walk *walk) {
	bool list = take(walk, "[");

	if (!list && !take(walk, "{"))
		return walk_scalar(walk);
	if (++walk->depth > WALK_DEPTH_MAX)
		return false;
	walk->calls->open(walk->data, list);
	if (!walk_items(walk, list))
		return false;
	walk->calls->close(walk->data, list);
	walk->depth--;
	return true;
}

/* A list with a line for each element. */
static bool walk_block(struct walk *walk) {
	size_t count = 0;

	walk->depth++;
	walk->calls->open(walk->data, true);
	while (take(walk, "- ")) {
		if (!walk_value(walk) || !take(walk, "\n"))
			return false;
		count++;
	}
	walk->calls->close(walk->data, true);
	walk->depth--;
	return count > 0;
}

static bool walk_field(struct walk *walk) {
	struct bytes name = take_name(walk);

	if (name.len == 0 || !take(walk, ":") || walk->n_fields == WALK_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < walk->n_fields; i++)
		if (bytes_equal(walk->fields[i], name))
			return false;
	walk->fields[walk->n_fields++] = name;
	walk->calls->key(walk->data, name);
	if (take(walk, "\n"))
		return walk_block(walk);
	return take(walk, " ") && walk_value(walk) && take(walk, "\n");
}

int walk_document(struct bytes document, const struct walk_calls *calls, void *data) {
	struct walk walk = {.calls = calls, .data = data, .rest = document, .depth = 1};

	if (!take(&walk, DOC_BEGIN))
		return -EBADMSG;
	calls->open(data, false);
	while (!take(&walk, DOC_END))
		if (!walk_field(&walk))
			return -EBADMSG;
	calls->close(data, false);
	return walk.rest.len > 0 ? -EBADMSG : 0;
}
