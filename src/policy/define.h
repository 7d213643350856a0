/* Lists that a policy gives a name (define:), for use as $name wherever a match takes a value. */
#ifndef POLICY_DEFINE_H
#define POLICY_DEFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/reading.h"
#include "policy/yaml_tree.h"

#define DEFINITIONS_MAX 256 /* each use looks through all of them */

struct definitions {
	const struct yaml_node *keys[DEFINITIONS_MAX];   /* borrowed from the trees, as the next */
	const char *names[DEFINITIONS_MAX];              /* of these */
	const struct yaml_node *values[DEFINITIONS_MAX]; /* a text, or a list of some */
	size_t count;
};

/* Adds define: of a file, if there is one; what is wrong with it is reported. */
void definitions_read(struct definitions *ret, struct reading *reading,
                      const struct yaml_node *root);

/* Whether the value is a $name. */
bool definition_is_named(const struct yaml_node *value);

/* What it stands for, a text or a list of some; NULL, with a problem, where there is none. */
const struct yaml_node *definition_find(const struct definitions *definitions,
                                        struct reading *reading, const struct yaml_node *value);

#endif
