/* A program and its arguments, as policies write them. */
#ifndef POLICY_COMMAND_READ_H
#define POLICY_COMMAND_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "policy/reading.h"

/* A list of the program's absolute path and its arguments. What is wrong is reported, and *ret is
 * then left alone; else it is replaced. -ENOMEM. */
int command_read(char ***ret, struct reading *reading, const char *what,
                 const struct yaml_node *value) MUST_CHECK;
/* A list of absolute paths, likewise. */
int paths_read(char ***ret, struct reading *reading, const char *what,
               const struct yaml_node *value, size_t n_max) MUST_CHECK;
/* One word, which is an absolute path already. */
int command_of(char ***ret, const char *path) MUST_CHECK;

void words_free(char ***words); /* which end with a NULL; NULL is fine */

#endif
