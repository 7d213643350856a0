/*
 * What changes from one known_hosts to another, for a person who is to agree to it: by lines, in
 * whatever order they stand. Comments, and what ssh passes over, change nothing.
 */
#ifndef WIRE_KNOWN_HOSTS_DIFF_H
#define WIRE_KNOWN_HOSTS_DIFF_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

struct known_hosts_change {
	size_t n_come, n_gone;
};

/* Appends "+ names fingerprint" for each line that comes and "- ..." for each that goes, printable
 * ASCII, those that come first; whole lines, as far as len_max bytes take them. text may be NULL.
 * -ENOMEM. */
int known_hosts_diff(struct known_hosts_change *ret, struct buffer *text, size_t len_max,
                     struct bytes before, struct bytes after) MUST_CHECK;

#endif
