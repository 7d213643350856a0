#include "log/doc.h"

#include <assert.h>
#include <string.h>

#include "log/by_lines.h"
#include "log/escape.h"

static void put_word(struct doc *doc, const char *word) {
	buffer_put_raw(doc->target, bytes_of_text(word));
}

/* What stands before an element: a key in a mapping, a value in a list. */
static void begin_element(struct doc *doc) {
	bool first = !doc->levels[doc->depth].begun;

	doc->levels[doc->depth].begun = true;
	switch (doc->levels[doc->depth].style) {
	case DOC_BLOCK:
		put_word(doc, doc->levels[doc->depth].list ? "\n- " : "\n");
		for (size_t i = 0; !doc->levels[doc->depth].list && i < doc->depth; i++)
			put_word(doc, "    ");
		break;
	case DOC_FLOW: put_word(doc, first ? "" : ", "); break;
	}
}

static void begin_value(struct doc *doc) {
	if (!doc->after_key)
		begin_element(doc);
	else
		put_word(doc, " ");
	doc->after_key = false;
}

static void enter(struct doc *doc, bool list, enum doc_style style) {
	doc->depth++;
	assert(doc->depth < DOC_DEPTH_MAX);
	doc->levels[doc->depth].list = list;
	doc->levels[doc->depth].style = style;
	doc->levels[doc->depth].begun = false;
}

void doc_begin(struct doc *doc, struct buffer *target) {
	memset(doc, 0, sizeof(*doc));
	doc->target = target;
	doc->target_len = target->len;
	doc->target_error = buffer_error(target);
	put_word(doc, "---");
}

void doc_guard_lines(struct doc *doc) {
	doc->by_lines = true;
}

void doc_deinit(struct doc *doc) {
	buffer_deinit(&doc->escaped);
	memset(doc, 0, sizeof(*doc));
}

int doc_finish(struct doc *doc) {
	int error;

	assert(doc->depth == 0);
	if (doc->n_shortened > 0) {
		doc_key(doc, "shortened");
		doc_map_begin(doc);
		for (size_t i = 0; i < doc->n_shortened; i++)
			doc_number(doc, doc->shortened[i].field, doc->shortened[i].len);
		doc_map_end(doc);
	}
	put_word(doc, "\n" DOC_END);
	error = buffer_error(doc->target);
	if (error == 0)
		error = buffer_error(&doc->escaped);
	if (error < 0) {
		doc->target->len = doc->target_len;
		doc->target->error = doc->target_error;
	}
	return error;
}

void doc_key(struct doc *doc, const char *key) {
	begin_element(doc);
	put_word(doc, key);
	put_word(doc, ":");
	doc->after_key = true;
}

void doc_quoted_key(struct doc *doc, struct bytes name) {
	begin_element(doc);
	put_word(doc, "\"");
	buffer_put_raw(doc->target, name);
	put_word(doc, "\":");
	doc->after_key = true;
}

/* The character at *at of valid UTF-8, and *at behind it. */
static uint32_t next_character(struct bytes text, size_t *at) {
	uint8_t first = text.data[(*at)++];
	size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
	uint32_t character = more == 0 ? first : first & (0x3fu >> more);

	for (; more > 0; more--)
		character = character << 6 | (text.data[(*at)++] & 0x3f);
	return character;
}

static void put_hexadecimal(struct doc *doc, char letter, uint32_t number, size_t n_digits) {
	uint8_t text[2 + 8] = {'\\', (uint8_t)letter};

	for (size_t i = 0; i < n_digits; i++)
		text[2 + i] = (uint8_t) "0123456789abcdef"[number >> 4 * (n_digits - 1 - i) & 15];
	buffer_put_raw(doc->target, (struct bytes){text, 2 + n_digits});
}

/* YAML's own escapes (YAML 1.2 section 5.7; all but \U are JSON's, too). */
static void put_character(struct doc *doc, uint32_t character) {
	if (character == '"')
		put_word(doc, "\\\"");
	else if (character == '\\')
		put_word(doc, "\\\\");
	else if (character == '\n')
		put_word(doc, "\\n");
	else if (character == '\t')
		put_word(doc, "\\t");
	else if (character <= 0xffff)
		put_hexadecimal(doc, 'u', character, 4);
	else
		put_hexadecimal(doc, 'U', character, 8);
}

static bool is_plain(uint8_t byte) {
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Of a text as it stands between quotes. */
static void put_inner(struct doc *doc, struct bytes text) {
	size_t from = 0;

	for (size_t at = 0; doc->by_lines && at < text.len; at++) {
		if (text.data[at] != ':' || !by_lines_is_field((struct bytes){text.data, at}))
			continue;
		buffer_put_raw(doc->target, (struct bytes){text.data + from, at - from});
		put_character(doc, ':');
		from = at + 1;
	}
	buffer_put_raw(doc->target, (struct bytes){text.data + from, text.len - from});
}

static void put_quoted(struct doc *doc, struct bytes text) {
	size_t at = 0;

	put_word(doc, "\"");
	while (at < text.len) {
		size_t plain = at;

		while (at < text.len && is_plain(text.data[at]))
			at++;
		put_inner(doc, (struct bytes){text.data + plain, at - plain});
		if (at < text.len)
			put_character(doc, next_character(text, &at));
	}
	put_word(doc, "\"");
}

size_t doc_value(struct doc *doc, struct bytes text, size_t len_max) {
	size_t taken;

	begin_value(doc);
	doc->escaped.len = 0;
	taken = escape_put(&doc->escaped, text, len_max);
	put_quoted(doc, buffer_bytes(&doc->escaped));
	return taken;
}

void doc_text(struct doc *doc, const char *key, const char *text, size_t len_max) {
	struct bytes value;

	if (text == NULL)
		return;
	value = bytes_of_text(text);
	doc_key(doc, key);
	if (doc_value(doc, value, len_max) < value.len)
		doc_shortened(doc, key, value.len);
}

void doc_number(struct doc *doc, const char *key, uint64_t number) {
	char text[sizeof("18446744073709551615")];
	size_t at = sizeof(text) - 1;

	doc_key(doc, key);
	begin_value(doc);
	text[at] = '\0';
	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put_word(doc, text + at);
}

void doc_bool(struct doc *doc, const char *key, bool yes) {
	doc_key(doc, key);
	begin_value(doc);
	put_word(doc, yes ? "true" : "false");
}

void doc_list_begin(struct doc *doc, enum doc_style style) {
	if (style == DOC_FLOW) {
		begin_value(doc);
		put_word(doc, "[");
	}
	doc->after_key = false;
	enter(doc, true, style);
}

void doc_list_end(struct doc *doc) {
	if (doc->levels[doc->depth].style == DOC_FLOW)
		put_word(doc, "]");
	doc->depth--;
}

void doc_map_begin(struct doc *doc) {
	begin_value(doc);
	put_word(doc, "{");
	enter(doc, false, DOC_FLOW);
}

void doc_map_begin_block(struct doc *doc) {
	doc->after_key = false;
	enter(doc, false, DOC_BLOCK);
}

void doc_map_end(struct doc *doc) {
	if (doc->levels[doc->depth].style == DOC_FLOW)
		put_word(doc, "}");
	doc->depth--;
}

void doc_word(struct doc *doc, const char *key, const char *word) {
	doc_key(doc, key);
	begin_value(doc);
	put_word(doc, word);
}

void doc_written(struct doc *doc, struct bytes value) {
	begin_value(doc);
	put_inner(doc, value);
}

void doc_shortened(struct doc *doc, const char *field, uint64_t len) {
	assert(doc->n_shortened < SHORTENED_MAX);
	doc->shortened[doc->n_shortened].field = field;
	doc->shortened[doc->n_shortened].len = len;
	doc->n_shortened++;
}
