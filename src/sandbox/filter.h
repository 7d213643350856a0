/* What a sandboxed program may not ask of a terminal that others use, too. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include "base/cleanup.h"

/* A seccomp program as bubblewrap reads it. TIOCSTI would type into the shell that is outside, and
 * TIOCLINUX paste into it; only the low 32 bits of an ioctl's number count (CVE-2019-10063). Those
 * of other architectures that this kernel runs are included. *ret_fd is handed over, close-on-exec,
 * at its beginning. */
int filter_make(int *ret_fd) MUST_CHECK;

#endif
