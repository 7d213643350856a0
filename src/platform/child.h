/* A forked child that stays our program: how it comes to be, and its first steps. */
#ifndef PLATFORM_CHILD_H
#define PLATFORM_CHILD_H

#include <sys/types.h>

#include "base/cleanup.h"

#define CHILD_CHANNEL_FD 3 /* by which it speaks with its parent */

/* fork(), and the child has every signal blocked: one that came before it has let go of our
 * handlers would be told to our own loop. child_begin() lets them through again. */
pid_t child_fork(void);

/* Every signal is let through, and as for a new program, but these, which are ignored; 0 ends them.
 */
void child_signals(const int *ignored);

/* Signals are as for a new program, but those of the terminal, which are meant for the guard; it
 * dies with its parent; and it keeps the one descriptor, as CHILD_CHANNEL_FD. What else the guard
 * has open (clients, the upstream) would live on in it after the guard has closed it. */
int child_begin(int fd, pid_t parent) MUST_CHECK;

/* What a child that starts no program never asks the system for, and gets EPERM for from here on,
 * whoever has taken it over. Called once its descriptors are as they stay. 0 also where the system
 * has no such filter: then the guard has said so at its start. */
enum child_limits {
	CHILD_NO_PROGRAMS = 1 << 0, /* nor namespaces or mounts */
	CHILD_NO_SOCKETS = 1 << 1,  /* but those that it has */
	CHILD_NO_CHANGES =
		1 << 2, /* of files by their names; linux/child_calls.c says what is left */
};
#define CHILD_LOOKS_ONLY (CHILD_NO_PROGRAMS | CHILD_NO_SOCKETS | CHILD_NO_CHANGES)
int child_limit(unsigned limits) MUST_CHECK;

#endif
