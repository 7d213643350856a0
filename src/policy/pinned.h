/*
 * confirm.credentials of a system floor: the security keys that may say yes, by their public keys.
 * What a user has enrolled is a file that every program of his can write; this is none.
 *
 * By the public key and not by the credential's id, under which a program could put a key of its
 * own.
 */
#ifndef POLICY_PINNED_H
#define POLICY_PINNED_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/confirm.h"
#include "policy/reading.h"

#define PINNED_MAX 4096 /* of everybody whom one floor is for */

void pinned_deinit(struct pinned_keys *keys);

/* What the map behind `confirm` says of them; what is wrong is reported. -ENOMEM. */
int pinned_read(struct pinned_keys *keys, bool is_floor, struct reading *reading,
                const struct yaml_node *confirm) MUST_CHECK;
/* As lines of that map, behind a new line and without one at their end. */
void pinned_show(struct buffer *yaml, const struct pinned_keys *keys);

bool pinned_has(const struct pinned_keys *keys, const uint8_t point[static PINNED_POINT_LEN]);

#endif
