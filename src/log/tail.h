/* The end of a day file: where its last whole document ends, and what a crash left behind it. */
#ifndef LOG_TAIL_H
#define LOG_TAIL_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "log/day_file.h"
#include "log/event_yaml.h"

/* Above the longest document, with room for blocks that a file system never wrote (zeros). */
#define TAIL_LEN_MAX (4 * EVENT_LEN_MAX)

/* Where the last whole document of the first size bytes ends; 0 where there is none. -EBADMSG:
 * more than TAIL_LEN_MAX bytes stand behind it, which no crash of ours leaves. */
int tail_find(off_t *ret_whole, int fd, off_t size) MUST_CHECK;

/* Appends the last document of the first size bytes, which end with one. -EBADMSG: what stands
 * there is longer than a document can be. */
int tail_document(struct buffer *document, int fd, off_t size) MUST_CHECK;

/* Appends the last document of a file that can be read from its beginning only. -EBADMSG: there is
 * none. */
int tail_document_through(struct buffer *document, struct day_file *file) MUST_CHECK;

#endif
