/* The terminal: a page is written onto it, keys come from it, and it is as it was before
 * afterwards. All of ncurses is in here. */
#ifndef MONITOR_VIEW_H
#define MONITOR_VIEW_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "monitor/page.h"

struct view;

/* -ENOTTY: standard input or output is no terminal. -ENODEV: nobody knows its kind (TERM). */
int view_open(struct view **ret, bool colour) MUST_CHECK;
/* The terminal gets back what it was; NULL is fine. */
void view_close(struct view *view);

void view_size(const struct view *view, size_t *ret_rows, size_t *ret_columns);
void view_resized(struct view *view); /* the window may have another size */
/* ncurses writes what differs; all: it may not know what is there. */
void view_draw(struct view *view, const struct page *page, bool all);

/* The next key that was typed; false: there is none by now. */
bool view_key(struct view *view, enum key *ret);
/* To be asked where standard input is readable: a terminal that is gone is that for ever. */
bool view_is_gone(const struct view *view);
void view_drop_typed(struct view *view);

/* The terminal is somebody else's for a while, as it was before; and ours again. */
void view_leave(struct view *view);
void view_enter(struct view *view);
/* Another process of ours may have changed how it takes keys. */
void view_restore_mode(struct view *view);

#endif
