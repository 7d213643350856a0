#include "confirm/enrolment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/words.h"

#define LINE_SIZE (KEY_NAME_LEN_MAX + 128 + HEX_SIZE(CREDENTIAL_LEN_MAX) + HEX_SIZE(POINT_LEN))

static const char first_line[] = "version 1\n";

bool key_name_is_fit(const char *name) {
	size_t len = strlen(name);

	return len > 0 && len <= KEY_NAME_LEN_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	               len;
}

/* ---- the file ---- */

static bool read_key(struct enrolled_key *key, struct bytes line) {
	bool bad = false;
	struct bytes name = words_take(&line, ' ', &bad);
	struct bytes verifies = words_take(&line, ' ', &bad);
	struct bytes counter = words_take(&line, ' ', &bad);
	struct bytes added = words_take(&line, ' ', &bad);
	struct bytes id = words_take(&line, ' ', &bad);
	size_t point_len = 0;

	if (bad || name.len > KEY_NAME_LEN_MAX || memchr(name.data, 0, name.len) != NULL)
		return false;
	memcpy(key->name, name.data, name.len);
	key->verifies = words_number(verifies, 1, &bad) == 1;
	key->counter = (uint32_t)words_number(counter, UINT32_MAX, &bad);
	key->added_us = (int64_t)words_number(added, INT64_MAX, &bad);
	return !bad && key_name_is_fit(key->name) &&
	       hex_read(key->id, sizeof(key->id), &key->id_len, id) == 0 && key->id_len > 0 &&
	       hex_read(key->point, sizeof(key->point), &point_len, line) == 0 &&
	       point_len == POINT_LEN && point_is_valid(key->point);
}

int enrolment_parse(struct enrolment *ret, struct bytes text) {
	struct enrolment read = {0};
	bool bad = text.len > ENROLMENT_LEN_MAX || text.len < strlen(first_line) ||
	           memcmp(text.data, first_line, strlen(first_line)) != 0;

	if (bad)
		return -EBADMSG;
	text.data += strlen(first_line);
	text.len -= strlen(first_line);
	while (text.len > 0) {
		struct bytes line = words_take(&text, '\n', &bad);
		struct bytes word = words_take(&line, ' ', &bad);
		struct enrolled_key key = {0};

		if (bad || !bytes_equal_text(word, "key") || !read_key(&key, line) ||
		    enrolment_add(&read, &key) < 0)
			return -EBADMSG;
	}
	*ret = read;
	return 0;
}

static void put_keys(struct buffer *text, const struct enrolment *enrolment, bool counters) {
	buffer_put_raw(text, bytes_of_text(first_line));
	for (size_t i = 0; i < enrolment->count; i++) {
		const struct enrolled_key *key = &enrolment->keys[i];
		char id[HEX_SIZE(CREDENTIAL_LEN_MAX)], point[HEX_SIZE(POINT_LEN)], line[LINE_SIZE];

		hex_put(id, (struct bytes){key->id, key->id_len});
		hex_put(point, BYTES(key->point));
		snprintf(line, sizeof(line), "key %s %d %" PRIu32 " %" PRId64 " %s %s\n", key->name,
		         key->verifies, counters ? key->counter : 0, key->added_us, id, point);
		buffer_put_raw(text, bytes_of_text(line));
	}
}

void enrolment_put(struct buffer *text, const struct enrolment *enrolment) {
	put_keys(text, enrolment, true);
}

int enrolment_load(struct enrolment *ret, int state_fd) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error = file_read(&text, state_fd, ENROLMENT_FILE, ENROLMENT_LEN_MAX, NULL);

	return error < 0 ? error : enrolment_parse(ret, buffer_bytes(&text));
}

int enrolment_save(const struct enrolment *enrolment, int state_fd) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	enrolment_put(&text, enrolment);
	if (buffer_error(&text) < 0)
		return buffer_error(&text);
	return file_replace(state_fd, ENROLMENT_FILE, buffer_bytes(&text));
}

/* ---- the keys ---- */

struct enrolled_key *enrolment_find(struct enrolment *enrolment, struct bytes id) {
	for (size_t i = 0; i < enrolment->count; i++) {
		struct enrolled_key *key = &enrolment->keys[i];

		if (bytes_equal((struct bytes){key->id, key->id_len}, id))
			return key;
	}
	return NULL;
}

const struct enrolled_key *enrolment_named(const struct enrolment *enrolment, const char *name) {
	for (size_t i = 0; i < enrolment->count; i++)
		if (strcmp(enrolment->keys[i].name, name) == 0)
			return &enrolment->keys[i];
	return NULL;
}

int enrolment_add(struct enrolment *enrolment, const struct enrolled_key *key) {
	if (enrolment_named(enrolment, key->name) != NULL ||
	    enrolment_find(enrolment, (struct bytes){key->id, key->id_len}) != NULL)
		return -EEXIST;
	if (enrolment->count == ENROLLED_MAX)
		return -ENOSPC;
	enrolment->keys[enrolment->count++] = *key;
	return 0;
}

void enrolment_remove(struct enrolment *enrolment, const char *name) {
	for (size_t i = 0; i < enrolment->count; i++) {
		if (strcmp(enrolment->keys[i].name, name) != 0)
			continue;
		memmove(&enrolment->keys[i], &enrolment->keys[i + 1],
		        (enrolment->count - i - 1) * sizeof(enrolment->keys[0]));
		enrolment->count--;
		return;
	}
}

bool enrolment_same(const struct enrolment *a, const struct enrolment *b) {
	CLEANUP(buffer_deinit) struct buffer first = {0};
	CLEANUP(buffer_deinit) struct buffer second = {0};

	put_keys(&first, a, false);
	put_keys(&second, b, false);
	return buffer_error(&first) == 0 && buffer_error(&second) == 0 &&
	       bytes_equal(buffer_bytes(&first), buffer_bytes(&second));
}

int enrolment_digest(char ret[static DIGEST_HEX], const struct enrolment *enrolment) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error;

	put_keys(&text, enrolment, false);
	error = buffer_error(&text);
	return error < 0 ? error : digest_hex(ret, buffer_bytes(&text));
}
