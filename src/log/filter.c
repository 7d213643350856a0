#include "log/filter.h"

#include <errno.h>
#include <string.h>

#include "log/escape.h"
#include "log/read.h"
#include "log/walk.h"

static bool is_name(const char *name, size_t len) {
	if (len == 0 || name[0] == '.' || name[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_' && name[i] != '.')
			return false;
	return true;
}

int filter_add(struct filter *filter, const char *text) {
	const char *equals = strchr(text, '=');
	struct filter_term *term;

	if (equals == NULL || !is_name(text, (size_t)(equals - text)))
		return -EINVAL;
	if (filter->count == FILTER_TERMS_MAX)
		return -E2BIG;
	term = &filter->terms[filter->count];
	*term = (struct filter_term){.name = text, .name_len = (size_t)(equals - text)};
	escape_undo(&term->value, bytes_of_text(equals + 1));
	filter->count++;
	return buffer_error(&term->value);
}

void filter_deinit(struct filter *filter) {
	for (size_t i = 0; i < filter->count; i++)
		buffer_deinit(&filter->terms[i].value);
	*filter = (struct filter){0};
}

static bool value_is(struct bytes value, struct bytes wanted) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	if (value.len == 0 || value.data[0] != '"')
		return bytes_equal(value, wanted);
	return event_text(&text, value) == 0 && bytes_equal(buffer_bytes(&text), wanted);
}

/* One term on its way through a document. */
struct search {
	const struct filter_term *term;
	struct bytes keys[WALK_DEPTH_MAX]; /* of the mappings that it is in, from the document on */
	bool lists[WALK_DEPTH_MAX];
	size_t depth, n_keys;
	bool seen, found;
};

static void on_open(void *data, bool list) {
	struct search *search = data;

	search->lists[search->depth++] = list;
	if (!list)
		search->keys[search->n_keys++] = (struct bytes){0};
}

static void on_close(void *data, bool list) {
	struct search *search = data;

	search->depth--;
	if (!list)
		search->n_keys--;
}

/* Whether the keys, joined by points, are the term's name. */
static bool is_there(const struct search *search) {
	struct bytes rest = {(const uint8_t *)search->term->name, search->term->name_len};

	for (size_t i = 0; i < search->n_keys; i++) {
		struct bytes key = search->keys[i];

		if (i > 0 && (rest.len == 0 || rest.data[0] != '.'))
			return false;
		rest.data += i > 0;
		rest.len -= i > 0;
		if (rest.len < key.len || memcmp(rest.data, key.data, key.len) != 0)
			return false;
		rest.data += key.len;
		rest.len -= key.len;
	}
	return rest.len == 0;
}

static void on_key(void *data, struct bytes name) {
	struct search *search = data;

	search->keys[search->n_keys - 1] = name;
	search->seen = search->seen || is_there(search);
}

static void on_value(void *data, struct bytes value) {
	struct search *search = data;

	if (!search->found && is_there(search))
		search->found = value_is(value, buffer_bytes(&search->term->value));
}

/* Most fields are one value on a line of their own, found without reading the rest. */
static bool term_holds(struct filter_term *term, const char *name, struct bytes document) {
	static const struct walk_calls calls = {on_open, on_close, on_key, on_value};
	struct search search = {.term = term};
	struct bytes field = event_field(document, name);

	term->asked = true;
	if (field.len > 0 && field.data[0] != '[' && field.data[0] != '{') {
		term->seen = true;
		return value_is(field, buffer_bytes(&term->value));
	}
	if (field.len == 0 && strchr(name, '.') == NULL)
		return false;
	if (walk_document(document, &calls, &search) < 0)
		return false;
	term->seen = term->seen || search.seen;
	return search.found;
}

static bool same_name(const struct filter_term *a, const struct filter_term *b) {
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

/* Whether one of the terms that have this one's name holds. */
static bool name_holds(struct filter *filter, const struct filter_term *of, struct bytes document) {
	char name[64];
	bool holds = false;

	if (of->name_len >= sizeof(name)) /* no field is called like that */
		return false;
	memcpy(name, of->name, of->name_len);
	name[of->name_len] = '\0';
	for (size_t i = 0; i < filter->count && !holds; i++)
		if (same_name(&filter->terms[i], of))
			holds = term_holds(&filter->terms[i], name, document);
	return holds;
}

bool filter_wants(struct filter *filter, struct bytes document) {
	for (size_t i = 0; i < filter->count; i++)
		if (!name_holds(filter, &filter->terms[i], document))
			return false;
	return true;
}
