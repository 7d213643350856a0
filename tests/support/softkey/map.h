/* Maps with small numbers as keys, in and out. */
#ifndef SOFTKEY_MAP_H
#define SOFTKEY_MAP_H

#include <cbor.h>
#include <stdbool.h>

#include "base/bytes.h"

/* NULL: it is not there. Borrowed. Negative keys are as COSE has them: -1, -2. */
cbor_item_t *map_at(const cbor_item_t *map, int key);
cbor_item_t *map_at_text(const cbor_item_t *map, const char *key);
struct bytes map_bytes(const cbor_item_t *map, int key); /* NULL data: none */
struct bytes map_text(const cbor_item_t *map, int key);
uint64_t map_number(const cbor_item_t *map, int key); /* 0: none */

/* Each takes over the value. */
void map_put(cbor_item_t *map, int key, cbor_item_t *value);
void map_put_text(cbor_item_t *map, const char *key, cbor_item_t *value);

#endif
