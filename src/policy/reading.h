/* A policy file while it is read: where problems go, and what patterns need to be compiled. */
#ifndef POLICY_READING_H
#define POLICY_READING_H

#include <stddef.h>

#include "policy/pattern.h"
#include "policy/problems.h"
#include "policy/yaml_tree.h"

struct reading {
	struct problems *problems;
	struct pattern_context context;
	const struct definitions *definitions; /* borrowed; NULL: there are none */
	size_t n_values; /* of conditions; what definitions stand for counts each time */
};

#define VARIABLE_LEN_MAX 128 /* of the name of an environment variable */

#define REPORT(reading, node, ...) \
	problems_add((reading)->problems, (node)->file, (node)->line, (node)->column, __VA_ARGS__)

/* Whether it is a map; if not, that is a problem, with the advice. */
bool read_map(struct reading *reading, const char *what, const struct yaml_node *node,
              const char *advice);

/* The text of a value, borrowed; NULL, with a problem, where it is none, or empty, or would be
 * something else to a YAML reader. what is the field's name, for the message. */
const char *read_text(struct reading *reading, const char *what, const struct yaml_node *node);

/* A yes or no by any of YAML's names for it; false, with a problem, where it is none. */
bool read_boolean_of(struct reading *reading, const char *what, const struct yaml_node *node);

/* The index of the word that the value is; -1, with a problem, where it is none of them. */
int read_word(struct reading *reading, const char *what, const struct yaml_node *node,
              const char *const *words, size_t n_words);

/* A path from / or ~/ on, owned by the caller; NULL, with a problem, where it is none, and with
 * -ENOMEM in *ret_error where there is no memory. */
char *read_place(struct reading *reading, const char *what, const struct yaml_node *value,
                 int *ret_error);

/* "name: unknown field; ..." */
void report_unknown_field(struct reading *reading, const struct yaml_node *key,
                          const char *const *names, size_t n_names);

#endif
