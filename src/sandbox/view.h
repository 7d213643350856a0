/*
 * What a program that `exec` runs sees of the files, whatever makes it so: a list in which what
 * comes later lies over what comes before. Of all that is not named, the system is readable.
 */
#ifndef SANDBOX_VIEW_H
#define SANDBOX_VIEW_H

#include <stddef.h>

#include "base/cleanup.h"

enum view_kind {
	VIEW_READABLE, /* as it is, and not to be changed */
	VIEW_WRITABLE, /* as it is; itself it can be given no other name and place */
	VIEW_EMPTY,    /* a directory, of which nothing is to be seen */
	VIEW_BLANK,    /* a file or socket, of which nothing is to be seen */
	VIEW_ABSENT,   /* is not there; what comes to be there is not to be seen */
};

struct view_entry {
	enum view_kind kind;
	char *path; /* absolute, without links, but of what is absent */
};

/* Its first failure sticks, so that it is checked once, at the end. */
struct view {
	struct view_entry *entries; /* owned, with the paths */
	size_t count;
	int error;
};

void view_add(struct view *view, enum view_kind kind, const char *path);
/* Where the system spells an entry otherwise, that spelling counts as well. -EPERM: what is to be
 * seen is not where it was; *ret_why, owned by the caller, is a sentence on it. */
int view_add_spellings(struct view *view, char **ret_why,
                       char *(*spell)(const char *path)) MUST_CHECK;
void view_deinit(struct view *view);

#endif
