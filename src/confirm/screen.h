/*
 * The screen: whether one of this user's is locked, as the system's login manager has it from
 * whatever locks it (LockedHint). That is told over D-Bus alone, and to ask there may take as long
 * as somebody likes; so a child asks, and tells of each change. It can only make us more careful:
 * any program of the account can set that hint.
 */
#ifndef CONFIRM_SCREEN_H
#define CONFIRM_SCREEN_H

#include <ev.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "facts/tri.h"

struct screen;

typedef void screen_locked(void *data); /* it was not, or nobody knew */

/* loop must be the default one. */
int screen_new(struct screen **ret, struct ev_loop *loop, screen_locked *locked,
               void *data) MUST_CHECK;
void screen_free(struct screen *screen); /* NULL is fine */

/* Has somebody ask, where nobody does; not often, where that ends again. */
void screen_look(struct screen *screen, uint64_t now_ns);
enum tri screen_is_locked(const struct screen *screen); /* unknown: nobody has told yet */

#endif
