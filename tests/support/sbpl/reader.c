#include "reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32 /* profiles have a handful */

struct reader {
	const char *at, *end;
};

void sbpl_node_deinit(struct sbpl_node *node) {
	for (size_t i = 0; i < node->count; i++)
		sbpl_node_deinit(&node->items[i]);
	free(node->items);
	free(node->text);
	*node = (struct sbpl_node){0};
}

static void skip(struct reader *reader) {
	for (; reader->at < reader->end; reader->at++) {
		if (*reader->at == ';')
			while (reader->at < reader->end && *reader->at != '\n')
				reader->at++;
		else if (*reader->at != ' ' && *reader->at != '\n')
			return;
		if (reader->at == reader->end)
			return;
	}
}

/* From behind the opening quote to behind the closing one. */
static int read_string(struct sbpl_node *ret, struct reader *reader, bool is_raw) {
	size_t len = 0;

	ret->text = calloc(1, (size_t)(reader->end - reader->at) + 1);
	if (ret->text == NULL)
		return -ENOMEM;
	for (; reader->at < reader->end && *reader->at != '"'; reader->at++) {
		if ((unsigned char)*reader->at < 0x20 || *reader->at == 0x7f)
			return -EBADMSG;
		if (!is_raw && *reader->at == '\\') {
			reader->at++;
			if (reader->at == reader->end ||
			    (*reader->at != '"' && *reader->at != '\\'))
				return -EBADMSG;
		}
		ret->text[len++] = *reader->at;
	}
	if (reader->at == reader->end)
		return -EBADMSG;
	reader->at++;
	return 0;
}

static int read_name(struct sbpl_node *ret, struct reader *reader) {
	const char *begin = reader->at;

	while (reader->at < reader->end &&
	       (strchr("*-._", *reader->at) != NULL || (*reader->at >= '0' && *reader->at <= '9') ||
	        (*reader->at >= 'a' && *reader->at <= 'z') ||
	        (*reader->at >= 'A' && *reader->at <= 'Z')) &&
	       *reader->at != '\0')
		reader->at++;
	if (reader->at == begin)
		return -EBADMSG;
	ret->text = strndup(begin, (size_t)(reader->at - begin));
	return ret->text != NULL ? 0 : -ENOMEM;
}

static int read_one(struct sbpl_node *ret, struct reader *reader, unsigned depth);

/* Up to the closing parenthesis, or at the top to the end. */
static int read_items(struct sbpl_node *list, struct reader *reader, unsigned depth) {
	int error = 0;

	for (skip(reader); error == 0 && reader->at < reader->end && *reader->at != ')';
	     skip(reader)) {
		struct sbpl_node *items = realloc(list->items,
		                                  (list->count + 1) * sizeof(*list->items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		items[list->count] = (struct sbpl_node){0};
		error = read_one(&items[list->count++], reader, depth);
	}
	return error;
}

static int read_list(struct sbpl_node *ret, struct reader *reader, unsigned depth) {
	int error = depth == DEPTH_MAX ? -EBADMSG : read_items(ret, reader, depth + 1);

	if (error == 0 && reader->at == reader->end)
		error = -EBADMSG;
	if (error == 0)
		reader->at++;
	return error;
}

static int read_one(struct sbpl_node *ret, struct reader *reader, unsigned depth) {
	if (*reader->at == '(') {
		reader->at++;
		return read_list(ret, reader, depth);
	}
	if (*reader->at == '"') {
		reader->at++;
		ret->kind = SBPL_STRING;
		return read_string(ret, reader, false);
	}
	if (reader->end - reader->at >= 2 && memcmp(reader->at, "#\"", 2) == 0) {
		reader->at += 2;
		ret->kind = SBPL_REGEX;
		return read_string(ret, reader, true);
	}
	ret->kind = SBPL_NAME;
	return read_name(ret, reader);
}

int sbpl_read(struct sbpl_node *ret, struct bytes text) {
	struct reader reader = {(const char *)text.data, (const char *)text.data + text.len};
	struct sbpl_node top = {0};
	int error = read_items(&top, &reader, 0);

	if (error == 0 && reader.at != reader.end) /* a parenthesis too many */
		error = -EBADMSG;
	if (error < 0)
		sbpl_node_deinit(&top);
	else
		*ret = top;
	return error;
}
