#include "log/json.h"

#include <stdbool.h>
#include <stdio.h>

#include "log/walk.h"

struct json {
	struct buffer *line;
	bool comma; /* before the next element */
};

static void put(struct json *json, const char *text) {
	buffer_put_raw(json->line, bytes_of_text(text));
}

static void begin_element(struct json *json) {
	if (json->comma)
		put(json, ",");
	json->comma = true;
}

static void on_open(void *data, bool list) {
	struct json *json = data;

	begin_element(json);
	put(json, list ? "[" : "{");
	json->comma = false;
}

static void on_close(void *data, bool list) {
	struct json *json = data;

	put(json, list ? "]" : "}");
	json->comma = true;
}

static void on_key(void *data, struct bytes name) {
	struct json *json = data;

	begin_element(json);
	put(json, "\"");
	buffer_put_raw(json->line, name);
	put(json, "\":");
	json->comma = false;
}

static uint32_t hexadecimal(const uint8_t *digits, size_t n_digits) {
	uint32_t number = 0;

	for (size_t i = 0; i < n_digits; i++)
		number = number << 4 |
		         (uint32_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
	return number;
}

/* JSON has no \U: a character above U+FFFF is two (RFC 8259 section 7). */
static void put_pair(struct json *json, uint32_t character) {
	char pair[sizeof("\\ud83d\\ude00")];

	snprintf(pair, sizeof(pair), "\\u%04x\\u%04x",
	         0xd800 + ((character - 0x10000) >> 10 & 0x3ff), 0xdc00 + (character & 0x3ff));
	put(json, pair);
}

/* All other escapes of the log are JSON's, too. */
static void on_value(void *data, struct bytes value) {
	struct json *json = data;
	size_t at = 0, plain = 0;

	begin_element(json);
	for (;;) {
		const uint8_t *escape = memchr(value.data + at, '\\', value.len - at);

		if (escape == NULL)
			break;
		at = (size_t)(escape - value.data);
		if (value.data[at + 1] != 'U') {
			at += 2;
			continue;
		}
		buffer_put_raw(json->line, (struct bytes){value.data + plain, at - plain});
		put_pair(json, hexadecimal(value.data + at + 2, 8));
		plain = at += 10;
	}
	buffer_put_raw(json->line, (struct bytes){value.data + plain, value.len - plain});
}

int event_json(struct buffer *line, struct bytes document) {
	static const struct walk_calls calls = {on_open, on_close, on_key, on_value};
	struct json json = {.line = line};
	size_t len = line->len;
	int error = walk_document(document, &calls, &json);

	put(&json, "\n");
	if (error == 0)
		error = buffer_error(line);
	if (error < 0)
		line->len = len;
	return error;
}
