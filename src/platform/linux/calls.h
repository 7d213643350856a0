/* Filters of system calls, by libseccomp. */
#ifndef PLATFORM_LINUX_CALLS_H
#define PLATFORM_LINUX_CALLS_H

#include <seccomp.h>

#include "base/cleanup.h"

/* One that lets everything through, to add rules to: for this architecture and those that this
 * kernel runs beside it, since programs of theirs reach the same kernel. Calls of any other one end
 * the thread. */
int calls_new(scmp_filter_ctx *ret) MUST_CHECK;
void calls_free(scmp_filter_ctx *filter); /* for CLEANUP */

#endif
