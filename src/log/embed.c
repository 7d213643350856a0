#include "log/embed.h"

#include <string.h>

#include "base/clock.h"

#define NAME_SIZE 64 /* of a field; ours are shorter */

struct embedding {
	struct doc *doc;
	enum embed_style style;
	int64_t real_us;
	struct bytes rest; /* of the document */
	bool begun;
};

static bool is_one_of(const char *name, const char *const *names, size_t n_names) {
	for (size_t i = 0; i < n_names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Without its newline. false: there is none. */
static bool next_line(struct bytes *ret, struct bytes *rest) {
	const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;

	if (end == NULL)
		return false;
	*ret = (struct bytes){rest->data, (size_t)(end - rest->data)};
	rest->data += ret->len + 1;
	rest->len -= ret->len + 1;
	return true;
}

static bool begins_with(struct bytes text, const char *word) {
	size_t len = strlen(word);

	return text.len >= len && memcmp(text.data, word, len) == 0;
}

static bool split_field(char ret_name[static NAME_SIZE], struct bytes *ret_value,
                        struct bytes line) {
	const uint8_t *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
	size_t len = colon != NULL ? (size_t)(colon - line.data) : 0;

	if (len == 0 || len >= NAME_SIZE)
		return false;
	memcpy(ret_name, line.data, len);
	ret_name[len] = '\0';
	len += len + 1 < line.len ? 2 : 1;
	*ret_value = (struct bytes){line.data + len, line.len - len};
	return true;
}

/* A word of our own, in quotes, that no YAML reader takes for anything but text. */
static bool put_unquoted(struct doc *doc, const char *name, struct bytes value) {
	static const char *const fields[] = {"trigger", "decision", "confirm_method"};
	static const char *const taken[] = {"no", "yes", "on", "off", "true", "false", "null"};
	char word[NAME_SIZE];

	if (!is_one_of(name, fields, sizeof(fields) / sizeof(fields[0])) || value.len < 3 ||
	    value.len - 2 >= sizeof(word))
		return false;
	for (size_t i = 1; i + 1 < value.len; i++) {
		if ((value.data[i] < 'a' || value.data[i] > 'z') &&
		    (i == 1 || value.data[i] != '-'))
			return false;
		word[i - 1] = (char)value.data[i];
	}
	word[value.len - 2] = '\0';
	if (is_one_of(word, taken, sizeof(taken) / sizeof(taken[0])))
		return false;
	doc_word(doc, name, word);
	return true;
}

static void put_time(struct embedding *embedding) {
	char wall[CLOCK_WALL_SIZE];

	clock_wall(wall, embedding->real_us);
	doc_text(embedding->doc, "timestamp", wall, sizeof(wall));
}

/* With the lines of a list, which stand below their field. */
static void put_list(struct embedding *embedding, const char *name) {
	struct doc *doc = embedding->doc;
	struct bytes line, rest = embedding->rest;

	doc_key(doc, name);
	doc_list_begin(doc, DOC_FLOW);
	while (next_line(&line, &rest) && begins_with(line, "- ")) {
		struct bytes item = {line.data + 2, line.len - 2};

		doc_written(doc, item);
		embedding->rest = rest;
	}
	doc_list_end(doc);
}

static void put_field(struct embedding *embedding, const char *name, struct bytes value) {
	struct doc *doc = embedding->doc;
	bool by_lines = embedding->style == EMBED_LINES;
	const char *key = name;

	if (value.len == 0) {
		put_list(embedding, name);
		return;
	}
	if (by_lines && strcmp(name, "timestamp") == 0) {
		put_time(embedding);
		key = "timestamp_utc";
	}
	if (by_lines && put_unquoted(doc, name, value))
		return;
	doc_key(doc, key);
	doc_written(doc, value);
}

void embed_event(struct doc *doc, const char *key, struct bytes document, int64_t real_us,
                 enum embed_style style) {
	static const char *const of_the_log[] = {"seq", "prev"};
	struct embedding embedding = {doc, style, real_us, document, false};
	struct bytes line, value;
	char name[NAME_SIZE];

	while (next_line(&line, &embedding.rest)) {
		if (!split_field(name, &value, line) ||
		    is_one_of(name, of_the_log, sizeof(of_the_log) / sizeof(of_the_log[0])))
			continue;
		if (!embedding.begun) {
			doc_key(doc, key);
			if (style == EMBED_LINES)
				doc_map_begin_block(doc);
			else
				doc_map_begin(doc);
		}
		embedding.begun = true;
		put_field(&embedding, name, value);
	}
	if (embedding.begun)
		doc_map_end(doc);
}
