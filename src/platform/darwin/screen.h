/*
 * Whether the screen of this session is locked, as the window server says. It is asked through
 * CoreGraphics, by a child that loads it: the library talks to other processes, and does not
 * outlive a fork, so it has no place in the guard or its reader.
 */
#ifndef PLATFORM_DARWIN_SCREEN_H
#define PLATFORM_DARWIN_SCREEN_H

#include "base/cleanup.h"
#include "facts/tri.h"

struct session_screen;
int session_screen_new(struct session_screen **ret) MUST_CHECK;
void session_screen_free(struct session_screen *screen); /* NULL is fine */

/* Waits for 10 ms at most; the first answer takes the longest. TRI_UNKNOWN: there was none, or this
 * is no session with a screen (ssh). */
enum tri session_screen_is_locked(struct session_screen *screen);

#endif
