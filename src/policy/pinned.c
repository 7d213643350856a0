#include "policy/pinned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hex.h"

#define NAME "credentials"

void pinned_deinit(struct pinned_keys *keys) {
	free(keys->points);
	*keys = (struct pinned_keys){0};
}

bool pinned_has(const struct pinned_keys *keys, const uint8_t point[static PINNED_POINT_LEN]) {
	for (size_t i = 0; i < keys->count; i++)
		if (memcmp(keys->points[i], point, PINNED_POINT_LEN) == 0)
			return true;
	return false;
}

/* Doubles the room when it is full, which is at 0, 1, 2, 4, 8 ... */
static int add(struct pinned_keys *keys, const uint8_t point[static PINNED_POINT_LEN]) {
	size_t count = keys->count;
	uint8_t(*grown)[PINNED_POINT_LEN] = keys->points;

	if ((count & (count - 1)) == 0)
		grown = array_resize(grown, count > 0 ? 2 * count : 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	keys->points = grown;
	memcpy(keys->points[keys->count++], point, PINNED_POINT_LEN);
	return 0;
}

static int read_key(struct pinned_keys *keys, struct reading *reading,
                    const struct yaml_node *value) {
	uint8_t point[PINNED_POINT_LEN];
	size_t len = 0;

	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_TEXT ||
	    hex_read(point, sizeof(point), &len, bytes_of_text(value->text)) < 0 ||
	    len != sizeof(point)) {
		REPORT(reading, value,
		       NAME ": %.60s: not the public key of a security key; write the %d digits "
		            "0-9 and a-f that `ssh-agent-guard enroll --list` prints",
		       value->kind == TREE_TEXT ? value->text : "no text", 2 * PINNED_POINT_LEN);
		return 0;
	}
	if (pinned_has(keys, point)) {
		REPORT(reading, value, NAME ": %.60s: stands there twice", value->text);
		return 0;
	}
	if (keys->count == PINNED_MAX) {
		REPORT(reading, value, NAME ": more than %d keys", PINNED_MAX);
		return 0;
	}
	return add(keys, point);
}

int pinned_read(struct pinned_keys *keys, bool is_floor, struct reading *reading,
                const struct yaml_node *confirm) {
	const struct yaml_node *key = confirm->kind == TREE_MAP ? confirm->first : NULL;
	const struct yaml_node *value, *item;
	int error = 0;

	while (key != NULL && (key->kind != TREE_TEXT || strcmp(key->text, NAME) != 0))
		key = key->next->next;
	if (key == NULL)
		return 0;
	value = key->next;
	if (!is_floor) {
		REPORT(reading, key,
		       NAME
		       ": only in the system floor: what may say yes is not for a file to tell "
		       "that programs of the user can write; enroll the keys, and remove this");
		return 0;
	}
	if (value->kind == TREE_LIST && value->count == 0)
		REPORT(reading, value,
		       NAME
		       ": an empty list, by which no key could say yes; write one, or leave it "
		       "out");
	item = value->kind == TREE_LIST ? value->first : value;
	for (; item != NULL && error == 0; item = item != value ? item->next : NULL)
		error = read_key(keys, reading, item);
	return error;
}

void pinned_show(struct buffer *yaml, const struct pinned_keys *keys) {
	if (keys->count > 0)
		buffer_put_raw(yaml, bytes_of_text("\n  " NAME ":"));
	for (size_t i = 0; i < keys->count; i++) {
		char hex[HEX_SIZE(PINNED_POINT_LEN)];

		hex_put(hex, (struct bytes){keys->points[i], PINNED_POINT_LEN});
		buffer_put_raw(yaml, bytes_of_text("\n    - \""));
		buffer_put_raw(yaml, bytes_of_text(hex));
		buffer_put_raw(yaml, bytes_of_text("\""));
	}
}
