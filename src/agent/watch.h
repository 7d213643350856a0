/*
 * Keeps an eye on files that are replaced while the guard runs, by whatever editors and symlink
 * farms do for that. Reads them again when they may have changed, and hands over what they hold.
 */
#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/fetch.h"
#include "base/cleanup.h"

#define WATCH_DELAY_S                                                                            \
	0.1              /* an editor makes several steps; after each useless look it is doubled \
	                  */
#define WATCH_POLL_S 3.  /* where the system cannot tell of changes */
#define WATCH_BUSY_S 0.2 /* while a program writes */
#define WATCH_BUSY_MAX \
	25 /* so often without any change; who keeps it open for longer has written */

struct watch;

/* What the files hold, in their order; see fetch_done. Called when that differs from the last time,
 * and once for watch_look() (asked). -EBUSY: a program is writing to one of them. */
typedef void watch_seen(void *data, int error, const struct fetched *files, bool asked);

/* loop must be the default loop, and outlive it. Files longer than len_max are an error of theirs.
 */
int watch_new(struct watch **ret, struct ev_loop *loop, size_t len_max, watch_seen *seen,
              void *data) MUST_CHECK;
void watch_free(struct watch *watch); /* NULL is fine */

/* From now on it is these files, which are looked at soon. The paths are copied. */
int watch_set(struct watch *watch, const char *const *paths, size_t n_paths) MUST_CHECK;

/* Looks now, whatever the watch thinks. What is seen was read after this call. */
void watch_look(struct watch *watch);

#endif
