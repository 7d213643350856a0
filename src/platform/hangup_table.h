/*
 * Whom the end of a socket is told of, by its descriptor: what is the same in the hangups of every
 * system. A descriptor is soon another socket's, so each entry has a generation of its own, and
 * what was said of an earlier one gives out nobody.
 */
#ifndef PLATFORM_HANGUP_TABLE_H
#define PLATFORM_HANGUP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct hangup_entry {
	uint64_t cookie;     /* of the socket, where the system has such; else 0 */
	uint32_t generation; /* tells it from an earlier socket with the same descriptor */
	void *data;          /* NULL: was given out, or never added */
};

/* Zeroed: empty. */
struct hangup_table {
	uint32_t generation;
	struct hangup_entry *entries; /* by descriptor */
	size_t n_entries;
};
void hangup_table_deinit(struct hangup_table *table);

/* Puts one in, of the generation that it tells; *ret_before is what was there. -ENOMEM. */
int hangup_table_put(uint32_t *ret_generation, struct hangup_entry *ret_before,
                     struct hangup_table *table, int fd, uint64_t cookie, void *data) MUST_CHECK;
/* It was not added after all. */
void hangup_table_put_back(struct hangup_table *table, int fd, const struct hangup_entry *before);

/* Gives one out. NULL: it was given out already, or is another socket's by now. */
void *hangup_table_take(struct hangup_table *table, int fd, uint32_t generation, uint64_t cookie);

#endif
