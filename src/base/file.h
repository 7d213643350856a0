/* Files and directories of the user, which the same user's malware may have prepared. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

/* Appends the whole of a regular file to *buffer and never waits for one: a FIFO or a device in
 * its place is -EINVAL, more than len_max bytes -EFBIG. *ret_stat, which may be NULL, is of the
 * opened file. Links are followed (dotfile farms). */
int file_read(struct buffer *buffer, int dir_fd, const char *path, size_t len_max,
              struct stat *ret_stat) MUST_CHECK;

/* The two halves of file_read(): opens it, and reads from where it stands to its end. */
int file_open_regular(int *ret_fd, int dir_fd, const char *path, struct stat *ret_stat) MUST_CHECK;
int file_read_open(struct buffer *buffer, int fd, size_t len_max) MUST_CHECK;

/* As file_read(), of what the user alone may have written: a link is -ELOOP, somebody else's file
 * -EPERM, one that others may write to -EACCES. */
int file_read_own(struct buffer *buffer, int dir_fd, const char *name, size_t len_max,
                  struct stat *ret_stat) MUST_CHECK;

/* Replaces dir_fd/name atomically by a file of these bytes, mode 0600. */
int file_replace(int dir_fd, const char *name, struct bytes bytes) MUST_CHECK;
/* The same, and it outlasts a loss of power. Waits for the disk. */
int file_replace_durably(int dir_fd, const char *name, struct bytes bytes) MUST_CHECK;

/* Makes path and what is missing above it, 0700, and opens it. The last directory must then be
 * ours, no link, and closed to others: -ENOTDIR, -EPERM or -EACCES say what is wrong with it. */
int directory_make_private(int *ret_fd, const char *path) MUST_CHECK;

/* Opens the directory and checks that we own it and that nobody else may write to it (mode bits
 * 022), and that nobody but us and root can replace any directory above it. *ret_bad is the
 * directory at fault (owned by the caller; NULL where none) and the error as above. */
int directory_check(int *ret_fd, char **ret_bad, const char *path) MUST_CHECK;

#endif
