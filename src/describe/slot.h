/* The fields of a map in a file of tests, found by their names. */
#ifndef DESCRIBE_SLOT_H
#define DESCRIBE_SLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "policy/reading.h"

#define SLOTS_MAX 64

struct slot {
	const char *name;
	const struct yaml_node *value; /* NULL: the map does not have it */
};

/* Puts what the map has into the slots, of which there are SLOTS_MAX at most. A name that is none
 * of theirs is reported. false: it is no map, which is reported as one of what. */
bool slots_fill(struct slot *slots, size_t n_slots, struct reading *reading, const char *what,
                const struct yaml_node *map);

/* A text, which may be empty if it is in quotes; NULL, with a problem, where it is none. */
const char *slot_text(struct reading *reading, const char *what, const struct yaml_node *node);

/* The same as a copy that the caller owns; NULL in *ret where it is none. -ENOMEM. */
int slot_copy(char **ret, struct reading *reading, const char *what,
              const struct yaml_node *node) MUST_CHECK;

#endif
