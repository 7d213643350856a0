/* A file that is replaced for good: the disk is waited for by a child. */
#ifndef CONFIRM_STORING_H
#define CONFIRM_STORING_H

#include <ev.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define STORING_LIMIT_S 20. /* a disk that takes longer is taken for none */

struct storing;

/* The file is there, whole and on the disk (0), or it may be the one of before (negative). The
 * storing is gone. */
typedef void storing_done(void *data, int error);

/* Replaces dir_fd/name, 0600, by the text, which is borrowed for the call. loop must be the default
 * one. */
int storing_start(struct storing **ret, struct ev_loop *loop, int dir_fd, const char *name,
                  struct bytes text, storing_done *done, void *data) MUST_CHECK;
/* Nobody is called. It may be done or not. NULL is fine. */
void storing_cancel(struct storing *storing);

#endif
