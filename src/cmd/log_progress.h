/*
 * A bar on standard error that says how much of the log was read, for a person who waits: where
 * that takes more than a second, and only where standard error is that person's terminal. It is
 * gone before anything else is written there, and afterwards.
 */
#ifndef CMD_LOG_PROGRESS_H
#define CMD_LOG_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "log/read.h"

struct progress {
	const struct event_reader *reader; /* borrowed; NULL: there is to be no bar */
	bool is_shown;
	uint64_t next_ns; /* when it is to be drawn */
};

/* Begins, with what the reader reads from here on. */
void progress_begin(struct progress *progress, struct event_reader *reader);
void progress_end(struct progress *progress, struct event_reader *reader);
/* To be called before something else is written to a terminal. */
void progress_hide(struct progress *progress);

#endif
