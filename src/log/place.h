/*
 * Where the log lies: the state directory, and events/ in it. Both are held open from the start on,
 * so that what somebody puts in their place, or mounts over them, does not get the events. They go
 * on where they were, and whoever writes them is told that their names lead elsewhere by now.
 *
 * Looking never waits: no name outside the state directory is looked up, and a file system that was
 * mounted over it is not asked.
 */
#ifndef LOG_PLACE_H
#define LOG_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct place {
	int state_fd; /* owned */
	int dir_fd;   /* owned; -1: not open */
	struct stat dir;
	char *path;         /* of the state directory, as the system calls it; NULL: it does not */
	bool covered;       /* somebody found another file system mounted over it */
	const char *astray; /* why its names lead elsewhere; NULL: they do not. Static */
	const char *change; /* what the last looks found to be other than before; NULL: nothing */
};

#define PLACE_CLOSED ((struct place){.state_fd = -1, .dir_fd = -1})

/* Opens STATE/events below the open state directory, which stays the caller's; made 0700 where it
 * is missing. -ENOTDIR, -EPERM, -EACCES: it is none, not ours, or open to others. */
int place_init(struct place *ret, int state_fd) MUST_CHECK;
void place_deinit(struct place *place);

/* Finds the directory where it was, or makes or opens another one that is there instead, as long as
 * that is one of ours. *ret_anew: it is another than before. Where neither can be, it stays the one
 * that is held, and place->astray says why; a negative errno where that has no name any more. */
int place_look(struct place *place, bool *ret_anew) MUST_CHECK;

#endif
