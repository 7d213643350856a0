/*
 * A YAML document as a tree of nodes, each of which knows its place. What a policy has no use for
 * and what readers disagree about is refused here: a second document, duplicate keys, tags, bytes
 * that are no text, and more nodes or levels than a person writes. Aliases are put in, as far as a
 * person would use them.
 */
#ifndef POLICY_YAML_TREE_H
#define POLICY_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "policy/problems.h"

#define YAML_NODES_MAX   250000 /* 10,000 rules of 25 nodes each */
#define YAML_ALIASED_MAX 10000  /* by aliases, which a few lines can make into billions */
#define YAML_DEPTH_MAX   64     /* a policy needs 6; deeper is a bomb, and we recurse */

enum yaml_kind {
	TREE_TEXT,
	TREE_LIST,
	TREE_MAP,
	TREE_BROKEN, /* its problem is already told: say nothing more about it */
};

struct yaml_node {
	enum yaml_kind kind;
	bool plain; /* text without quotes, which YAML may take for null, a boolean or a number */
	const char *file; /* as it was given to yaml_tree_parse(), which must outlive the tree */
	size_t line;      /* from 1, as are columns, in characters */
	size_t column;
	char *text;              /* of TREE_TEXT; else NULL */
	struct yaml_node *first; /* of a list, or of a map: key, value, key, value ... */
	struct yaml_node *next;  /* in the same list or map */
	size_t count;            /* of children: a map's keys and values both count */
};

/* What a YAML reader takes an unquoted text for, by the rules of YAML 1.1 and 1.2 together. */
enum yaml_scalar { SCALAR_TEXT, SCALAR_NULL, SCALAR_TRUE, SCALAR_FALSE, SCALAR_NUMBER };
enum yaml_scalar yaml_scalar(const struct yaml_node *node); /* a TREE_TEXT */

/* Whether a key, which is broken then, is YAML's "<<": what the map would have by it, is not there.
 */
bool yaml_is_merge(const struct yaml_node *key);

/* -EINVAL: no tree can be made, and *problems says why. What is wrong with a part of the tree is
 * added to *problems, too, but leaves a tree, so that the rest can be looked through. -ENOMEM. */
int yaml_tree_parse(struct yaml_node **ret, struct bytes text, const char *file,
                    struct problems *problems) MUST_CHECK;
void yaml_tree_free(struct yaml_node *root);         /* NULL is fine */
size_t yaml_tree_size(const struct yaml_node *root); /* its nodes, itself included */

/* By text, and then by file and place: same texts become neighbours. All are TREE_TEXT. */
void yaml_nodes_sort(const struct yaml_node **nodes, size_t n_nodes);

#define PLACE_TEXT_SIZE 320
/* Where something else stands, for a message about a place in file: "line 7", and with the name of
 * the other file where it is another. */
const char *place_text(char ret[static PLACE_TEXT_SIZE], const char *file, const char *other_file,
                       size_t other_line);

#endif
