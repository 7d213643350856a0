/*
 * Reads the profiles that the guard writes, and nothing more of that language: lists, names,
 * numbers and strings. Stricter than any Scheme: in a string only \" and \\ are taken, and no
 * control character, because what others are read as is nowhere said.
 */
#ifndef SBPL_READER_H
#define SBPL_READER_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"

enum sbpl_kind { SBPL_LIST, SBPL_NAME, SBPL_STRING, SBPL_REGEX };

struct sbpl_node {
	enum sbpl_kind kind;
	char *text;              /* owned; of a list NULL */
	struct sbpl_node *items; /* owned; of a list alone */
	size_t count;
};

/* *ret is a list of all that stands at the top. -EBADMSG: it is not well formed. */
int sbpl_read(struct sbpl_node *ret, struct bytes text) MUST_CHECK;
void sbpl_node_deinit(struct sbpl_node *node);

#endif
