/* What the system's journal holds of a log (log/system_log.h): anchors for its chain. */
#ifndef LOG_ANCHOR_H
#define LOG_ANCHOR_H

#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "log/chain.h"

/* The newest that are looked at: 40 bytes of memory each. */
#define ANCHORS_MAX 65536

struct anchors {
	struct chain_link *links; /* owned; by their seq */
	size_t count;
};

/* Those that this user wrote of the log in that state directory, by its path, as far as we may read
 * them. -ENOSYS: this program was built without a way to read the journal. Or what failed. */
int anchors_of_journal(struct anchors *ret, const char *state, uid_t uid) MUST_CHECK;

/* Adds one, and keeps the order. */
int anchors_add(struct anchors *anchors, const struct chain_link *link) MUST_CHECK;
void anchors_deinit(struct anchors *anchors);

#endif
