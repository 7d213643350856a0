/* The fields of a match, from the policy file into conditions. */
#ifndef POLICY_MATCH_READ_H
#define POLICY_MATCH_READ_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "policy/field.h"
#include "policy/reading.h"

struct match;

/* Adds all fields of the map. What is wrong is reported; only -ENOMEM is an error, here and below.
 */
int match_read(struct match *match, struct reading *reading,
               const struct yaml_node *map) MUST_CHECK;

/* Adds one field with its values, or its variables. */
int match_read_field(struct match *match, struct reading *reading, const struct field *field,
                     const struct yaml_node *value) MUST_CHECK;

bool match_names(const struct match *match, const char *field_name);

#endif
