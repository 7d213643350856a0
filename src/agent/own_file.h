/*
 * A file in the state directory that the guard alone is to write: says when somebody else may have.
 * It is a file of this user, so any program of his can change it, set its times back, keep the one
 * of before open, and be as quick as the guard itself.
 */
#ifndef AGENT_OWN_FILE_H
#define AGENT_OWN_FILE_H

#include <ev.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "agent/guard.h"
#include "base/cleanup.h"

struct own_file_calls {
	/* It is not as it was when it was written, or not there. */
	void (*changed)(void *data);
	/* A while after that: whoever changed it in the moment of the writing left nothing that
	 * shows it, so that its content is to be compared. */
	void (*settled)(void *data);
	void *data;
};

struct own_file {
	struct guard *guard;
	const char *name; /* static */
	char *path;
	struct own_file_calls calls;
	ev_stat place;
	ev_timer settled;
	struct stat own; /* as we wrote it */
};

/* The guard must outlive it. -ENOMEM: it is empty then. */
int own_file_init(struct own_file *file, struct guard *guard, const char *name,
                  const struct own_file_calls *calls) MUST_CHECK;
void own_file_deinit(struct own_file *file); /* zeroed memory is fine */

/* What lies there now is ours: it was just read, or written. To be followed by own_file_watch(),
 * where it is watched. */
void own_file_written(struct own_file *file);
/* Watches what lies there from now on; calls.changed() comes at once where that is not ours. One
 * that is not there is looked for every few seconds. */
void own_file_watch(struct own_file *file);
/* Looks right now, also where it is not watched, because nothing was there: changed(), perhaps. */
void own_file_look(struct own_file *file);
bool own_file_is_watched(struct own_file *file);
/* Watches nothing any more. */
void own_file_leave(struct own_file *file);

#endif
