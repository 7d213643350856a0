/*
 * The events of a directory of day files, one after the other, as they were written. Memory is
 * flat: one document at a time. A file that the guard writes to meanwhile may be read.
 */
#ifndef LOG_READ_H
#define LOG_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define TIME_MIN INT64_MIN
#define TIME_MAX INT64_MAX

enum piece_kind {
	PIECE_DOCUMENT,   /* from "---\n" to "...\n" */
	PIECE_UNFINISHED, /* the end of a file, without "...": what a crash leaves */
	PIECE_DAMAGED,    /* no document: begins otherwise, or is longer than one can be */
};

struct piece {
	enum piece_kind kind;
	struct bytes bytes; /* holds until the next call */
	const char *file;   /* its name; holds until the next call */
	uint64_t offset;    /* in the file */
	bool last_file;     /* no newer day file is there */
};

struct event_reader;

/* Reads what happened from since_us to until_us, both included (TIME_MIN, TIME_MAX: all of it).
 * Pieces that are no documents are in any file that is opened for that. dir_fd is the directory of
 * day files, and stays the caller's, who keeps it open. */
int event_reader_new(struct event_reader **ret, int dir_fd, int64_t since_us,
                     int64_t until_us) MUST_CHECK;
void event_reader_free(struct event_reader *reader); /* NULL is fine */

/* How much of the files that it opens was read, and how much there is, in bytes on the disk; they
 * may grow meanwhile. */
void event_reader_progress(uint64_t *ret_done, uint64_t *ret_total,
                           const struct event_reader *reader);
/* Has somebody called whenever a part of a file was read, also where nothing in it is wanted. */
void event_reader_on_read(struct event_reader *reader, void (*on_read)(void *data), void *data);

/* 1: *ret is the next piece. 0: there are no more. Or a negative errno, of the file that
 * event_reader_file() names; -EINVAL: it is no regular file; -EFBIG: what is
 * no event has no end in it, so that the rest is not read. Never waits for one. The next call
 * goes on with the file after it. */
int event_reader_next(struct piece *ret, struct event_reader *reader) MUST_CHECK;
const char *event_reader_file(const struct event_reader *reader); /* "" before the first */

/* After a 0: event_reader_next() goes on with what was written since, in the last file and in newer
 * ones. An unfinished end is read anew. A file that was made anew is read from its beginning; one
 * that has become shorter, from where it ends. -ENOMEM, or what reading the directory failed with:
 * all is as before. */
int event_reader_again(struct event_reader *reader) MUST_CHECK;

/* A field of a document, by its name, as it stands there: a quoted text, a number, a list. NULL
 * data: there is none. Found by lines, because a YAML parser needs 50 times as long. */
struct bytes event_field(struct bytes document, const char *name);

/* Appends the original bytes of a quoted text: YAML's escapes undone, and then ours
 * (log/escape.h). -EBADMSG: it is none that the guard writes. */
int event_text(struct buffer *original, struct bytes field) MUST_CHECK;

#endif
