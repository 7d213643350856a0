/*
 * A YAML document as a tree of nodes, each of which knows its place. What a policy has no use for
 * and what readers disagree about is refused here: a second document, duplicate keys, anchors,
 * aliases and tags, bytes that are no text, and more nodes or levels than a person writes.
 */
#ifndef POLICY_YAML_TREE_H
#define POLICY_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "policy/problems.h"

#define YAML_NODES_MAX 250000 /* 10,000 rules of 25 nodes each */
#define YAML_DEPTH_MAX 64     /* a policy needs 6; deeper is a bomb, and we recurse */

enum yaml_kind {
	TREE_TEXT,
	TREE_LIST,
	TREE_MAP,
	TREE_BROKEN, /* its problem is already told: say nothing more about it */
};

struct yaml_node {
	enum yaml_kind kind;
	bool plain;  /* text without quotes, which YAML may take for null, a boolean or a number */
	size_t line; /* from 1, as are columns, in characters */
	size_t column;
	char *text;              /* of TREE_TEXT; else NULL */
	struct yaml_node *first; /* of a list, or of a map: key, value, key, value ... */
	struct yaml_node *next;  /* in the same list or map */
	size_t count;            /* of children: a map's keys and values both count */
};

/* What a YAML reader takes an unquoted text for, by the rules of YAML 1.1 and 1.2 together. */
enum yaml_scalar { SCALAR_TEXT, SCALAR_NULL, SCALAR_TRUE, SCALAR_FALSE, SCALAR_NUMBER };
enum yaml_scalar yaml_scalar(const struct yaml_node *node); /* a TREE_TEXT */

/* -EINVAL: no tree can be made, and *problems says why. What is wrong with a part of the tree is
 * added to *problems, too, but leaves a tree, so that the rest can be looked through. -ENOMEM. */
int yaml_tree_parse(struct yaml_node **ret, struct bytes text, const char *file,
                    struct problems *problems) MUST_CHECK;
void yaml_tree_free(struct yaml_node *root); /* NULL is fine */

/* By text and then by place: same texts become neighbours. All are TREE_TEXT. */
void yaml_nodes_sort(const struct yaml_node **nodes, size_t n_nodes);

#endif
