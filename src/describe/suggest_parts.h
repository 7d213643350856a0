/* The inside of struct suggest, for the files that make it up: what was allowed, and why some of it
 * is not suggested. Not a door for other modules. */
#ifndef DESCRIBE_SUGGEST_PARTS_H
#define DESCRIBE_SUGGEST_PARTS_H

#include "describe/suggest.h"

#define SUGGEST_SEQS_SHOWN 8 /* of the events that a rule stands on */

/* Why a signature that was allowed is not suggested. In the order in which it is told. */
enum gap {
	GAP_PROGRAM,
	GAP_MARKS,
	GAP_KEY,
	GAP_PAYLOAD,
	GAP_DESTINATION,
	GAP_FORWARDED,
	GAP_TEXT,
	GAP_ROOM,
};
#define GAP_COUNT (GAP_ROOM + 1)

/* Which events there were: a few numbers, and how many. */
struct events {
	uint64_t seqs[SUGGEST_SEQS_SHOWN], last;
	size_t count;
};

/* What is the same in all of its signatures; but for the last one, texts that need no escape. */
enum part {
	PART_EXE,
	PART_KEY,
	PART_ENDPOINT,
	PART_FORWARDED, /* "false", or "" where it is not known */
	PART_SIGN_TYPE,
	PART_USER,     /* "" where the value has it */
	PART_EVIDENCE, /* "bound", or "" */
	PART_FIELD,    /* ssh_dest, dest_key or namespace */
	PART_VALUE,    /* its value: wishes that differ in this alone become one rule */
};
#define PART_COUNT (PART_VALUE + 1)

struct wish {
	char *parts[PART_COUNT]; /* owned */
	struct events events;
	size_t n_agents;   /* with a coding agent behind it, or where that is not known */
	bool is_void;      /* it would allow what was denied */
	uint64_t objected; /* by this event */
};

struct suggest {
	struct wish *wishes;
	size_t count;
	struct events gaps[GAP_COUNT];
	struct policy *policy; /* a rule for each wish, in their order */
};

/* Whether two of them become one rule, of two values; false where only one has an agent behind it.
 */
bool suggest_same_rule(const struct wish *a, const struct wish *b);

/* suggest_write.c: a policy of one rule for each wish, in their order. */
int suggest_write_each(struct buffer *yaml, const struct suggest *suggest) MUST_CHECK;

#endif
