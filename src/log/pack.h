/*
 * Packs day files that are closed, by zstd. It may take a while, so a child process does it.
 *
 * The packed file has no name until it is on the disk and was compared with what it was made of;
 * then the other one loses its own. Whenever that is cut off, one of them is there whole.
 */
#ifndef LOG_PACK_H
#define LOG_PACK_H

#include "base/cleanup.h"

/* Shorter ones stay: a block of the disk is the least that a file takes. */
#define PACK_LEN_MIN 4096

/* Packs the regular files of ours below dir_fd that come before the one called open_name. What
 * cannot be packed stays as it is; the errno of the first such file, after all others were tried.
 * -EOPNOTSUPP: the file system has no files without a name. */
int pack_closed(int dir_fd, const char *open_name) MUST_CHECK;

#endif
