/*
 * A day file while it is read, packed (zstd) or not. A packed one is as much in a stranger's hands
 * as any other: what it unpacks to is bounded, in memory and in all.
 */
#ifndef LOG_DAY_FILE_H
#define LOG_DAY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* More is never packed: a file that was begun grows no further than the policy's file_size, with
 * one event more, and that is 1 GiB at most. */
#define PACK_LEN_MAX (UINT64_C(1025) * 1024 * 1024)

struct day_file;

/* Opens it, and where there is none, the packed one of that name. Never waits. -EINVAL: no regular
 * file. */
int day_file_open(struct day_file **ret, int dir_fd, const char *name) MUST_CHECK;
/* Reads an open one from its beginning. The descriptor is taken over, also where that fails. */
int day_file_take(struct day_file **ret, int fd, bool packed) MUST_CHECK;
void day_file_close(struct day_file *file); /* NULL is fine */

const struct stat *day_file_stat(const struct day_file *file);
bool day_file_unpacks(const struct day_file *file);

/* How far it was read, of what lies on the disk. */
uint64_t day_file_position(const struct day_file *file);

/* Into data, at most size bytes; *ret_len is 0 at the end, and only there. -EBADMSG: no whole
 * packed file. -EFBIG: it unpacks to more than PACK_LEN_MAX. */
int day_file_read(size_t *ret_len, struct day_file *file, void *data, size_t size) MUST_CHECK;

/* Passes over that many bytes, or to the end, where fewer are left. */
int day_file_skip(struct day_file *file, uint64_t len) MUST_CHECK;

#endif
