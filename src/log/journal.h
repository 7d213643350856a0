/* The audit log: a file for each UTC day, a YAML document for each event, only ever appended to. */
#ifndef LOG_JOURNAL_H
#define LOG_JOURNAL_H

#include "base/cleanup.h"
#include "facts/event.h"

struct journal;

/* Opens STATE/events below the open state directory (made 0700 where missing), and mends a last
 * document that a crash left unfinished. state_fd stays the caller's. */
int journal_new(struct journal **ret, int state_fd) MUST_CHECK;
void journal_free(struct journal *journal);

/* Appends one document, whole or not at all: what a full disk cut off is taken back. 0 or the
 * negative errno of what failed; the next call tries anew, also after the directory was removed. */
int journal_write(struct journal *journal, const struct event *event) MUST_CHECK;

#endif
