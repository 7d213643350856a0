#include "sandbox/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

void view_deinit(struct view *view) {
	for (size_t i = 0; i < view->count; i++)
		free(view->entries[i].path);
	free(view->entries);
	*view = (struct view){0};
}
