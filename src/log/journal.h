/*
 * The audit log: a file for each UTC day, or several, where they grow long; a YAML document for
 * each event, only ever appended to.
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
#include "log/days.h"

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
 * A file or directory that was removed or replaced is made anew. Where that cannot be, events go on
 * in the directory that is held: see journal_astray(). */
int journal_write(struct journal *journal, const struct event *event) MUST_CHECK;

/* Whether the log lies where it belongs (log/place.h); journal_write() looks, too. */
int journal_look(struct journal *journal) MUST_CHECK;
/* Why it does not, as the last look found; NULL: it does. */
const char *journal_astray(const struct journal *journal);
/* What became other than it was, told once; NULL: nothing. */
const char *journal_take_change(struct journal *journal);
/* Whether something was mounted over its path, which nobody else can tell. */
void journal_set_covered(struct journal *journal, bool covered);
const char *journal_path(const struct journal *journal); /* of the state directory; or NULL */

/* The open day file, for fdatasync(2) by a child; -1: none. */
int journal_fd(const struct journal *journal);

/* Called with each document that was written, in order; NULL: nobody. */
typedef void journal_copy(void *data, struct bytes document);
void journal_set_copy(struct journal *journal, journal_copy *copy, void *data);

/* A file that is at least that long is closed, and another one begun. */
void journal_set_file_len(struct journal *journal, uint64_t len);
/* Changes when another file is begun. */
unsigned long journal_turns(const struct journal *journal);
/* The directory of the files; -1: not open. Which of them is open; false: none. */
int journal_dir_fd(const struct journal *journal);
bool journal_file_name(char ret[static DAY_FILE_SIZE], const struct journal *journal);

#endif
