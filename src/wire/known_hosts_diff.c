#include "wire/known_hosts_diff.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/plain.h"
#include "wire/known_hosts_line.h"

/* Sorted, each once. */
struct lines {
	struct bytes *items; /* owned; views into the text */
	size_t count;
};

static void lines_deinit(struct lines *lines) {
	free(lines->items);
}

static int compare(struct bytes a, struct bytes b) {
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_items(const void *a, const void *b) {
	return compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Doubles the room when it is full, which is at 0, 1, 2, 4, 8 ... */
static int add(struct lines *lines, struct bytes line) {
	size_t count = lines->count;
	struct bytes *grown = lines->items;

	if ((count & (count - 1)) == 0)
		grown = array_resize(grown, count > 0 ? 2 * count : 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	lines->items = grown;
	lines->items[lines->count++] = line;
	return 0;
}

static int take_lines(struct lines *lines, struct bytes text) {
	struct bytes line;
	size_t count = 0;

	while (known_hosts_line_next(&line, &text))
		if (line.len > 0 && line.data[0] != '#' && add(lines, line) < 0)
			return -ENOMEM;
	if (lines->count == 0)
		return 0;
	qsort(lines->items, lines->count, sizeof(*lines->items), compare_items);
	for (size_t i = 0; i < lines->count; i++)
		if (count == 0 || compare(lines->items[i], lines->items[count - 1]) != 0)
			lines->items[count++] = lines->items[i];
	lines->count = count;
	return 0;
}

static void put(struct buffer *text, const char *words) {
	buffer_put_raw(text, bytes_of_text(words));
}

static void put_fingerprint(struct buffer *text, const uint8_t digest[static KEY_DIGEST_LEN]) {
	char base64[4 * ((KEY_DIGEST_LEN + 2) / 3) + 1];

	EVP_EncodeBlock((uint8_t *)base64, digest, KEY_DIGEST_LEN);
	base64[strcspn(base64, "=")] = '\0';
	put(text, "SHA256:");
	put(text, base64);
}

static const char *marker_text(enum host_marker marker) {
	switch (marker) {
	case HOST_MARKER_NONE: return "";
	case HOST_MARKER_CA: return "@cert-authority ";
	case HOST_MARKER_REVOKED: return "@revoked ";
	}
	return "";
}

static int put_line(struct buffer *text, const char *sign, const struct known_hosts_line *line,
                    size_t len_max) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	put(&shown, sign);
	put(&shown, marker_text(line->marker));
	if (line->is_hashed)
		put(&shown, "(a hashed name) ");
	/* Of a revocation the names do not matter. */
	else if (line->marker != HOST_MARKER_REVOKED)
		plain_put(&shown, line->names, 0); /* whole: the middle is as good a name */
	if (!line->is_hashed && line->marker != HOST_MARKER_REVOKED)
		put(&shown, " ");
	put_fingerprint(&shown, line->digest);
	put(&shown, "\n");
	if (buffer_error(&shown) < 0)
		return -ENOMEM;
	if (text->len + shown.len <= len_max)
		buffer_put_raw(text, buffer_bytes(&shown));
	return buffer_error(text);
}

/* Those of one that the other one does not have. */
static int put_missing(size_t *ret_count, struct buffer *text, const char *sign, size_t len_max,
                       const struct lines *of, const struct lines *in) {
	uint8_t *scratch = malloc(KNOWN_HOSTS_SCRATCH_SIZE);
	struct known_hosts_line line;
	size_t at = 0;
	int error = scratch != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < of->count && error == 0; i++) {
		while (at < in->count && compare(in->items[at], of->items[i]) < 0)
			at++;
		if ((at < in->count && compare(in->items[at], of->items[i]) == 0) ||
		    known_hosts_line_read(&line, of->items[i], scratch) != KNOWN_HOSTS_LINE_GOOD)
			continue;
		++*ret_count;
		if (text != NULL)
			error = put_line(text, sign, &line, len_max);
	}
	free(scratch);
	return error;
}

int known_hosts_diff(struct known_hosts_change *ret, struct buffer *text, size_t len_max,
                     struct bytes before, struct bytes after) {
	CLEANUP(lines_deinit) struct lines old = {0};
	CLEANUP(lines_deinit) struct lines new = {0};
	struct known_hosts_change change = {0};
	int error;

	*ret = change;
	if (bytes_equal(before, after))
		return 0;
	error = take_lines(&old, before);
	if (error == 0)
		error = take_lines(&new, after);
	if (text != NULL)
		len_max += text->len;
	if (error == 0)
		error = put_missing(&change.n_come, text, "+ ", len_max, &new, &old);
	if (error == 0)
		error = put_missing(&change.n_gone, text, "- ", len_max, &old, &new);
	if (error == 0)
		*ret = change;
	return error;
}
