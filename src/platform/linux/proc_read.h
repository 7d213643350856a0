/*
 * Reads below /proc, each with a bound. All of them block for as long as the malice of the process
 * that is read lasts: only the reader process may come here.
 */
#ifndef PLATFORM_LINUX_PROC_READ_H
#define PLATFORM_LINUX_PROC_READ_H

#include <limits.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "platform/linux/proc_text.h"

#define STAT_SIZE 2048 /* 52 numbers and a name of at most 64 bytes */

/* The process's directory. It stays that process's own: once that is gone, what is read through
 * the descriptor fails, and never is a successor's with the same PID. -ESRCH: no such process. */
int proc_open(int *ret_fd, pid_t pid) MUST_CHECK;

/* One read() into buffer, which is all of a text that is shorter than the buffer. Where it fills
 * the buffer there may have been more. -ESRCH: the process is gone. */
int proc_read(struct bytes *ret, int dir_fd, const char *name, void *buffer,
              size_t size) MUST_CHECK;

/* Where the link points. -ENAMETOOLONG: beyond PATH_MAX. */
int proc_link(struct bytes *ret, int dir_fd, const char *name,
              char buffer[static PATH_MAX + 1]) MUST_CHECK;

int proc_read_status(struct proc_status *ret, int dir_fd) MUST_CHECK;

#endif
