#include "policy/known_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[KNOWN_BY_COUNT] = {"user", "system"};

void known_files_deinit(struct known_files *files) {
	for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++)
		for (size_t i = 0; i < files->n_paths[kind]; i++)
			free(files->paths[kind][i]);
	*files = (struct known_files){0};
}

static int add_path(struct known_files *files, size_t kind, struct reading *reading,
                    const struct yaml_node *value) {
	const char *text = read_text(reading, kinds[kind], value);
	const char *home = reading->context.home;
	bool below_home = text != NULL && strncmp(text, "~/", 2) == 0;
	char *path = NULL;

	if (text == NULL)
		return 0;
	if (text[0] != '/' && !below_home) {
		REPORT(reading, value, "%s: %.60s: write it from / or ~/ on", kinds[kind], text);
		return 0;
	}
	if (below_home && home == NULL) {
		REPORT(reading, value, "%s: %.60s: HOME does not say where that is", kinds[kind],
		       text);
		return 0;
	}
	if (files->n_paths[kind] == KNOWN_FILES_MAX) {
		REPORT(reading, value, "%s: more than %d files", kinds[kind], KNOWN_FILES_MAX);
		return 0;
	}
	if (asprintf(&path, "%s%s", below_home ? home : "", below_home ? text + 1 : text) < 0)
		return -ENOMEM;
	files->paths[kind][files->n_paths[kind]++] = path;
	return 0;
}

/* One path, or a list; an empty list means none. */
static int read_paths(struct known_files *files, size_t kind, struct reading *reading,
                      const struct yaml_node *value) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;
	int error = 0;

	/* What stands twice is reported as a duplicate key already. */
	if (files->says[kind])
		return 0;
	files->says[kind] = true;
	for (; item != NULL && error == 0; item = value->kind == TREE_LIST ? item->next : NULL)
		error = add_path(files, kind, reading, item);
	return error;
}

int known_files_read(struct known_files *files, struct reading *reading,
                     const struct yaml_node *map) {
	if (!read_map(reading, "known_hosts", map, "write user: or system: and paths of files"))
		return 0;
	if (map->count == 0)
		REPORT(reading, map, "known_hosts: empty; write user: or system:, or leave it out");
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t kind = 0;
		int error;

		if (key->kind == TREE_BROKEN)
			continue;
		while (kind < KNOWN_BY_COUNT && strcmp(kinds[kind], key->text) != 0)
			kind++;
		if (kind == KNOWN_BY_COUNT) {
			report_unknown_field(reading, key, kinds, KNOWN_BY_COUNT);
			continue;
		}
		error = read_paths(files, kind, reading, key->next);
		if (error < 0)
			return error;
	}
	return 0;
}
