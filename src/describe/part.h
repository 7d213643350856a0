/* The fields of a request in a file of tests: rows of a table, read and settled in their order. */
#ifndef DESCRIBE_PART_H
#define DESCRIBE_PART_H

#include <stddef.h>

#include "base/cleanup.h"
#include "describe/request.h"

/* What a field is read into. */
struct target {
	struct described *described;
	struct process *process; /* the caller's, or an ancestor's */
};

enum part_unknown { ALWAYS_KNOWN, MAY_BE_UNKNOWN, MAY_BE_UNKNOWN_IN_PART };

/*
 * One field. Zeroed memory is what is not known, in all our facts; so what stands in `unknown:` is
 * left alone, and everything else is settled: made ordinary where it was not stated. Fields are
 * settled in the order of their table, so that one may be derived from those above it.
 */
struct part {
	const char *name;
	enum part_unknown unknown;
	int (*read)(struct target *target, struct reading *reading, const char *name,
		    const struct yaml_node *value);
	int (*settle)(struct target *target); /* NULL: zeroed memory is ordinary */
};

/* Reads the fields that the map has, of which there are fewer than SLOTS_MAX, and settles the rest.
 * NULL for a map: it has none. What is wrong is reported, as one of what. -ENOMEM. */
int parts_read(const struct part *parts, size_t n_parts, struct target *target,
	       struct reading *reading, const char *what, const struct yaml_node *map) MUST_CHECK;

/* Makes it a copy of the ordinary text where it is NULL. -ENOMEM. */
int part_settle_text(char **text, const char *ordinary) MUST_CHECK;

/* Those of a process, for the tables of whatever is one. */
typedef int part_reader(struct target *target, struct reading *reading, const char *name,
			const struct yaml_node *value);
typedef int part_settler(struct target *target);
part_reader part_read_exe, part_read_name, part_read_title, part_read_command;
part_settler part_settle_exe, part_settle_name, part_settle_title, part_settle_command;

/* A path, where "~/" is home as in a policy; owned by the caller. *ret, which is NULL, stays so
 * where it is none. */
int part_read_path(char **ret, struct reading *reading, const char *name,
		   const struct yaml_node *value) MUST_CHECK;

#endif
