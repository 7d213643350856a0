/*
 * The file that a guard was started from, as its status tells it: so that whoever looks later can
 * see that another one lies there by now, and that what was installed is not what runs.
 */
#ifndef AGENT_PROGRAM_FILE_H
#define AGENT_PROGRAM_FILE_H

#include "base/bytes.h"

#define PROGRAM_FILE_SIZE 96

/* What the file there is told by, as a word; "" where it cannot be looked at. */
void program_file_mark(char ret[static PROGRAM_FILE_SIZE], const char *path);

enum program_file {
	PROGRAM_FILE_SAME,
	PROGRAM_FILE_OTHER,   /* or none any more */
	PROGRAM_FILE_UNKNOWN, /* the guard tells nothing of it, as before there was this */
};

/* Of a guard's status, which is of this machine. */
enum program_file program_file_compare(struct bytes status);

/* What to do about another one. */
#define PROGRAM_FILE_ADVICE                                                                      \
	"start it again: `ssh-agent-guard stop`, then `ssh-agent-guard start`, or `systemctl --user " \
	"restart ssh-agent-guard`; an ssh-agent of its own has no keys then (ssh-add)"

#endif
