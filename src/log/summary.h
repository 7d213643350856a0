/*
 * A request in one short line, for a status bar: who, what, where to.
 *
 * Bars obey what they are given (tmux its formats, others pango's markup, scripts whatever a shell
 * does), so nothing that any of these could obey is left in it: letters, digits, blanks and the few
 * signs that names are made of. All else comes out as "_", and so does a colon that would make a
 * field of current.yaml out of what stands before it.
 */
#ifndef LOG_SUMMARY_H
#define LOG_SUMMARY_H

#include "facts/event.h"

#define SUMMARY_SIZE 97 /* more than a bar has room for */

/* "[window] agent:ssh: sign git@host via hop"; and " DENIED", where it was refused. "" for an event
 * that tells of no request. */
void summary_of(char ret[static SUMMARY_SIZE], const struct event *event);

/* The same of any text: what may stand in a bar. At most size - 1 bytes. */
void summary_plain(char *ret, size_t size, const char *text);

#endif
