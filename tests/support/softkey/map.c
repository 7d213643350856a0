#include "map.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_number(const cbor_item_t *item, int number) {
	if (number >= 0)
		return cbor_isa_uint(item) && cbor_get_int(item) == (uint64_t)number;
	return cbor_isa_negint(item) && cbor_get_int(item) == (uint64_t)(-1 - number);
}

cbor_item_t *map_at(const cbor_item_t *map, int key) {
	if (map == NULL || !cbor_isa_map(map))
		return NULL;
	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (is_number(cbor_map_handle(map)[i].key, key))
			return cbor_map_handle(map)[i].value;
	return NULL;
}

static struct bytes text_of(const cbor_item_t *item) {
	if (item == NULL || !cbor_isa_string(item) || !cbor_string_is_definite(item))
		return (struct bytes){0};
	return (struct bytes){cbor_string_handle(item), cbor_string_length(item)};
}

cbor_item_t *map_at_text(const cbor_item_t *map, const char *key) {
	if (map == NULL || !cbor_isa_map(map))
		return NULL;
	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (bytes_equal_text(text_of(cbor_map_handle(map)[i].key), key))
			return cbor_map_handle(map)[i].value;
	return NULL;
}

struct bytes map_bytes(const cbor_item_t *map, int key) {
	const cbor_item_t *item = map_at(map, key);

	if (item == NULL || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item))
		return (struct bytes){0};
	return (struct bytes){cbor_bytestring_handle(item), cbor_bytestring_length(item)};
}

struct bytes map_text(const cbor_item_t *map, int key) {
	return text_of(map_at(map, key));
}

uint64_t map_number(const cbor_item_t *map, int key) {
	const cbor_item_t *item = map_at(map, key);

	return item != NULL && cbor_isa_uint(item) ? cbor_get_int(item) : 0;
}

static void put(cbor_item_t *map, cbor_item_t *key, cbor_item_t *value) {
	if (!cbor_map_add(map, (struct cbor_pair){key, value})) {
		fputs("softkey: a map is full\n", stderr);
		abort();
	}
	cbor_decref(&key);
	cbor_decref(&value);
}

void map_put(cbor_item_t *map, int key, cbor_item_t *value) {
	put(map,
	    key >= 0 ? cbor_build_uint8((uint8_t)key) : cbor_build_negint8((uint8_t)(-1 - key)),
	    value);
}

void map_put_text(cbor_item_t *map, const char *key, cbor_item_t *value) {
	put(map, cbor_build_string(key), value);
}
