#include "monitor/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain.h"

#define SECOND_NS  UINT64_C(1000000000)
#define DIGITS_MAX 18                       /* fit into 64 bits */
#define LEFT_MAX_S (UINT64_C(1000) * 86400) /* no request and no grant lasts as long */
#define LEFT       ", for another "
#define LEFT_END   " s"
#define INDENT     "  "

bool text_line(struct bytes *ret, struct bytes *text) {
	const uint8_t *newline;
	size_t len;

	if (text->len == 0)
		return false;
	newline = memchr(text->data, '\n', text->len);
	len = newline != NULL ? (size_t)(newline - text->data) : text->len;
	*ret = (struct bytes){text->data, len};
	len += newline != NULL;
	*text = (struct bytes){text->data + len, text->len - len};
	return true;
}

static bool begins_with(struct bytes text, const char *words) {
	size_t len = strlen(words);

	return text.len >= len && memcmp(text.data, words, len) == 0;
}

static struct bytes behind(struct bytes text, size_t len) {
	return (struct bytes){text.data + len, text.len - len};
}

/* A number that the text begins with, which is taken off. */
static int take_number(uint64_t *ret, struct bytes *text) {
	size_t len = 0;
	uint64_t number = 0;

	for (; len < text->len && text->data[len] >= '0' && text->data[len] <= '9'; len++) {
		if (len == DIGITS_MAX)
			return -EBADMSG;
		number = number * 10 + (uint64_t)(text->data[len] - '0');
	}
	if (len == 0)
		return -EBADMSG;
	*ret = number;
	*text = behind(*text, len);
	return 0;
}

/* "request 3, since ..., for another 58 s" */
static int read_head(struct listed *ret, const char *word, struct bytes line, uint64_t now_ns) {
	const uint8_t *left;
	uint64_t seconds;
	size_t len = strlen(word);

	if (!begins_with(line, word) || line.len <= len || line.data[len] != ' ')
		return -EBADMSG;
	line = behind(line, len + 1);
	if (take_number(&ret->id, &line) < 0 || ret->id == 0)
		return -EBADMSG;
	left = line.len > 0 ? memmem(line.data, line.len, LEFT, strlen(LEFT)) : NULL;
	if (left == NULL)
		return -EBADMSG;
	line = behind(line, (size_t)(left - line.data) + strlen(LEFT));
	if (take_number(&seconds, &line) < 0 || !bytes_equal_text(line, LEFT_END))
		return -EBADMSG;
	ret->until_ns = now_ns + (seconds < LEFT_MAX_S ? seconds : LEFT_MAX_S) * SECOND_NS;
	return 0;
}

static int add_head(struct listing *listing, const char *word, struct bytes line, uint64_t now_ns) {
	struct listed head = {0};
	struct listed *items;
	int error = read_head(&head, word, line, now_ns);

	if (error < 0)
		return error;
	if (listing->count == LISTED_MAX || listing_find(listing, head.id) != NULL)
		return -EBADMSG;
	items = realloc(listing->items, (listing->count + 1) * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	listing->items = items;
	items[listing->count++] = head;
	return 0;
}

int listing_read(struct listing *ret, const char *word, struct bytes answer, uint64_t now_ns) {
	CLEANUP(listing_deinit) struct listing listing = {0};
	struct bytes line;

	while (text_line(&line, &answer)) {
		struct buffer *text;
		int error = 0;

		if (!begins_with(line, INDENT)) {
			error = add_head(&listing, word, line, now_ns);
		} else if (listing.count == 0) {
			error = -EBADMSG;
		} else {
			text = &listing.items[listing.count - 1].text;
			plain_keep(text, line);
			buffer_put_u8(text, '\n');
			error = buffer_error(text);
		}
		if (error < 0)
			return error;
	}
	*ret = listing;
	listing = (struct listing){0};
	return 0;
}

void listing_deinit(struct listing *listing) {
	for (size_t i = 0; i < listing->count; i++)
		buffer_deinit(&listing->items[i].text);
	free(listing->items);
	*listing = (struct listing){0};
}

size_t listing_index(const struct listing *listing, uint64_t id) {
	size_t i = 0;

	while (i < listing->count && listing->items[i].id != id)
		i++;
	return i;
}

const struct listed *listing_find(const struct listing *listing, uint64_t id) {
	size_t i = listing_index(listing, id);

	return i < listing->count ? &listing->items[i] : NULL;
}

void listing_inherit(struct listing *listing, const struct listing *before) {
	for (size_t i = 0; i < listing->count; i++) {
		struct listed *item = &listing->items[i];
		const struct listed *known = listing_find(before, item->id);

		if (known == NULL)
			continue;
		item->seen_ns = known->seen_ns;
		if (known->until_ns >= item->until_ns &&
		    known->until_ns - item->until_ns <= SECOND_NS)
			item->until_ns = known->until_ns;
	}
}

struct bytes listed_line(const struct listed *listed, const char *label) {
	struct bytes text = buffer_bytes(&listed->text), line;
	size_t len = strlen(label);

	while (text_line(&line, &text)) {
		line = behind(line, strlen(INDENT));
		if (begins_with(line, label) && begins_with(behind(line, len), ": "))
			return behind(line, len + 2);
	}
	return (struct bytes){0};
}

uint64_t listed_seconds(const struct listed *listed, uint64_t now_ns) {
	return listed->until_ns > now_ns ? (listed->until_ns - now_ns + SECOND_NS - 1) / SECOND_NS
	                                 : 0;
}
