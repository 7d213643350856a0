#include "sandbox/view.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"

void view_add(struct view *view, enum view_kind kind, const char *path) {
	char *copy = strdup(path);
	struct view_entry *entries = NULL;

	if (view->error == 0 && copy != NULL)
		entries = array_resize(view->entries, view->count + 1, sizeof(*entries));
	if (entries == NULL) {
		view->error = -ENOMEM;
		free(copy);
		return;
	}
	entries[view->count++] = (struct view_entry){kind, copy};
	view->entries = entries;
}

/* What can be written is in the power of earlier programs, which exchange a directory for a link,
 * or give it a name that the file system takes for the same. */
static int refuse(char **ret_why, const char *path, const char *real) {
	if (asprintf(ret_why, "%s: leads to %s (put the thing itself there, and try again)", path,
	             real != NULL ? real : "nothing any more") < 0)
		*ret_why = NULL;
	return -EPERM;
}

int view_add_spellings(struct view *view, char **ret_why, char *(*spell)(const char *path)) {
	const size_t count = view->count;

	for (size_t i = 0; view->error == 0 && i < count; i++) {
		const enum view_kind kind = view->entries[i].kind;
		const bool opens = kind == VIEW_READABLE || kind == VIEW_WRITABLE;
		const char *path = view->entries[i].path;
		CLEANUP(free_pointer) char *real = kind != VIEW_ABSENT ? spell(path) : NULL;

		if (opens && (real == NULL || strcasecmp(real, path) != 0))
			return refuse(ret_why, path, real);
		if (real != NULL && strcmp(real, path) != 0)
			view_add(view, kind, real);
	}
	return view->error;
}

void view_deinit(struct view *view) {
	for (size_t i = 0; i < view->count; i++)
		free(view->entries[i].path);
	free(view->entries);
	*view = (struct view){0};
}
