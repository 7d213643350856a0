/* The first steps of a forked child that stays our program. */
#ifndef CALLER_CHILD_H
#define CALLER_CHILD_H

#include <sys/types.h>

#include "base/cleanup.h"

#define CHILD_CHANNEL_FD 3 /* by which it speaks with its parent */

/* Signals are as for a new program, but those of the terminal, which are meant for the guard; it
 * dies with its parent; and it keeps the one descriptor, as CHILD_CHANNEL_FD. What else the guard
 * has open (clients, the upstream) would live on in it after the guard has closed it. */
int child_begin(int fd, pid_t parent) MUST_CHECK;

#endif
