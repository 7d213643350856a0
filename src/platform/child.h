/* A forked child that stays our program: how it comes to be, and its first steps. */
#ifndef PLATFORM_CHILD_H
#define PLATFORM_CHILD_H

#include <sys/types.h>

#include "base/cleanup.h"

#define CHILD_CHANNEL_FD 3 /* by which it speaks with its parent */

/* fork(), and the child has every signal blocked: one that came before it has let go of our handlers
 * would be told to our own loop. child_begin() lets them through again. */
pid_t child_fork(void);

/* Signals are as for a new program, but those of the terminal, which are meant for the guard; it
 * dies with its parent; and it keeps the one descriptor, as CHILD_CHANNEL_FD. What else the guard
 * has open (clients, the upstream) would live on in it after the guard has closed it. */
int child_begin(int fd, pid_t parent) MUST_CHECK;

#endif
