/*
 * What a program that asks in a window may reach: it is shown text that a stranger has had a hand
 * in, so it is kept from what it has no use for. Meant for a forked child, which executes it next.
 */
#ifndef CONFIRM_WINDOW_H
#define CONFIRM_WINDOW_H

#include "base/cleanup.h"

/* From here on nothing can be changed in files; of the home only what tells how windows look can be
 * read; and only the display, the session's bus and what looks names up can be connected to, where
 * the system can do that. What a system does not have of it is left out; -ENOSYS: all of it. */
int window_confine(const char *program) MUST_CHECK;

#endif
