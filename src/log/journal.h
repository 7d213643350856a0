/*
 * The audit log: a file for each UTC day, a YAML document for each event, only ever appended to.
 *
 * A document ends with a line "...", which nothing within it can look like. What stands behind the
 * last such line is a document that a crash left unfinished: a reader ignores it, and the journal
 * mends it when it next opens that file. It cuts the tail off, touching nothing before it, and
 * writes an event "log-mended" with the bytes that were cut (docs/events.md).
 *
 * Each event is chained to the one before it, over days and restarts (log/chain.h). While the guard
 * runs, it chains to what it wrote, whatever became of that.
 *
 * The names of files come from the clock alone; nothing of a caller becomes part of one.
 */
#ifndef LOG_JOURNAL_H
#define LOG_JOURNAL_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "facts/event.h"
#include "log/chain.h"
#include "log/expire.h"

struct journal;

/* Opens STATE/events below the open state directory (made 0700 where missing), and mends a last
 * document that a crash left unfinished in the newest day file. state_fd stays the caller's.
 * -ENOTDIR, -EPERM, -EACCES: the directory is none, not ours, or open to others. -EINVAL, -ELOOP,
 * -ENXIO: something lies in the place of the newest file. -EBADMSG: that file's end is no event and
 * too long to be a half-written one. None of them waits for anybody. */
int journal_new(struct journal **ret, int state_fd) MUST_CHECK;
void journal_free(struct journal *journal); /* NULL is fine */

/* What links the next event to the last one: what an anchor has to keep (log/chain.h). */
const struct chain_link *journal_head(const struct journal *journal);

/* Appends one document, whole or not at all: what a full disk cut off is taken back. 0 or the
 * negative errno of what failed; the next call tries anew, also after the directory was removed.
 * What is no longer the log (a file or directory that was removed or replaced) is never written
 * to: it is made anew, or where that fails, the call does. -EXDEV: another file system was mounted
 * in its place. */
int journal_write(struct journal *journal, const struct event *event) MUST_CHECK;

/* From now on an event counts as written when it is on the disk, which may take a while. */
void journal_set_through(struct journal *journal, bool through);
/* The open day file, for fdatasync(2) by a child; -1: none. */
int journal_fd(const struct journal *journal);

/* See log/expire.h. */
int journal_expire(struct expired *ret, const struct journal *journal, int64_t real_us,
                   unsigned keep_days) MUST_CHECK;

#endif
