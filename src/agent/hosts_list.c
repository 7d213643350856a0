#include "agent/hosts_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What ssh reads of the system's where nobody has configured it. */
static const char *const SYSTEM_FILES[HOSTS_LIST_SYSTEM_COUNT] = {"/etc/ssh/ssh_known_hosts",
                                                                  "/etc/ssh/ssh_known_hosts2"};

/* Which files are read of a kind, and whether they are what root says. */
struct named_files {
	const char *const *paths;
	size_t count;
	bool by_root;
};

/* What root wrote into the floor stands above all. A policy of the user's may say what it likes
 * where nothing stands above it. */
static struct named_files files_of(const struct policy *floor, const struct policy *policy,
                                   const struct ssh_known_files *configured, enum known_by by) {
	size_t kind = by == KNOWN_BY_SYSTEM ? 1 : 0;
	struct named_files files = {.by_root = true};

	if (floor != NULL)
		files.paths = policy_known_files(floor, by, &files.count);
	if (files.paths != NULL)
		return files;
	files.paths = policy_known_files(policy, by, &files.count);
	files.by_root = floor == NULL;
	if (files.paths != NULL)
		return files;
	return (struct named_files){(const char *const *)configured->paths[kind],
	                            configured->n_paths[kind], false};
}

bool hosts_list_needs_config(const struct policy *floor, const struct policy *policy) {
	size_t count;

	for (unsigned kind = 0; kind < KNOWN_BY_COUNT; kind++) {
		enum known_by by = (enum known_by)(1U << kind);

		if (policy_known_files(policy, by, &count) == NULL &&
		    (floor == NULL || policy_known_files(floor, by, &count) == NULL))
			return true;
	}
	return false;
}

uint64_t hosts_list_state(const struct hosts_list *list) {
	uint64_t state = 1;

	for (size_t i = 0; i < list->n_files; i++) {
		for (const char *at = list->paths[i]; *at != '\0'; at++)
			state = (state ^ (unsigned char)*at) * 0x100000001b3;
		state = (state ^ (0x100 + (uint64_t)list->by[i])) * 0x100000001b3;
	}
	return state;
}

void hosts_list_deinit(struct hosts_list *list) {
	for (size_t i = 0; i < list->n_files; i++)
		free(list->paths[i]);
	*list = (struct hosts_list){0};
}

/* Below these, names and what they lead to are root's. */
static bool is_in_systems_place(const char *path) {
	return (strncmp(path, "/etc/", 5) == 0 || strncmp(path, "/usr/", 5) == 0) &&
	       strstr(path, "/../") == NULL;
}

static bool is_listed(const struct hosts_list *list, const char *path) {
	for (size_t i = 0; i < list->n_files; i++)
		if (strcmp(list->paths[i], path) == 0)
			return true;
	return false;
}

static int list_file(struct hosts_list *list, const char *name, enum known_by by, bool is_claimed) {
	char *path = strdup(name);

	if (path == NULL)
		return -ENOMEM;
	list->by[list->n_files] = is_claimed && !is_in_systems_place(path) ? KNOWN_BY_USER : by;
	list->is_claimed[list->n_files] = is_claimed;
	list->paths[list->n_files++] = path;
	return 0;
}

static int list_files(struct hosts_list *list, struct named_files files, enum known_by by) {
	/* ~/.ssh/config, and a policy below a floor that asks for root's, can name any file so, and
	 * have any program's text stand in one of root's: /proc has some. */
	bool is_claimed = by == KNOWN_BY_SYSTEM && !files.by_root;
	int error = 0;

	/* It can name root's no more, as well, and what root has revoked would not be; before what
	 * it names, so that there is room for them. */
	for (size_t i = 0; is_claimed && error == 0 && i < HOSTS_LIST_SYSTEM_COUNT; i++)
		error = list_file(list, SYSTEM_FILES[i], by, true);
	for (size_t i = 0; error == 0 && i < files.count; i++)
		if (!is_claimed || !is_listed(list, files.paths[i]))
			error = list_file(list, files.paths[i], by, is_claimed);
	return error;
}

int hosts_list_make(struct hosts_list *ret, const struct policy *floor, const struct policy *policy,
                    const struct ssh_known_files *configured) {
	static const enum known_by order[KNOWN_BY_COUNT] = {KNOWN_BY_SYSTEM, KNOWN_BY_USER};
	CLEANUP(hosts_list_deinit) struct hosts_list list = {0};

	/* The system's first, so that there is room for them, whatever a user's hold. */
	for (size_t i = 0; i < KNOWN_BY_COUNT; i++) {
		int error = list_files(&list, files_of(floor, policy, configured, order[i]),
		                       order[i]);

		if (error < 0)
			return error;
	}
	*ret = list;
	list = (struct hosts_list){0};
	return 0;
}

/* What the user's own configuration of ssh, or policy below a floor, calls the system's, is that
 * where nobody but root can write to it. */
static bool is_roots(const struct stat *status) {
	return status->st_uid == 0 && (status->st_mode & 022) == 0;
}

bool hosts_list_is_systems(const struct hosts_list *list, size_t index, const struct stat *status) {
	return list->by[index] == KNOWN_BY_SYSTEM && (!list->is_claimed[index] || is_roots(status));
}

static int add_default(struct ssh_known_files *files, size_t kind, const char *home,
                       const char *name) {
	char *path = NULL;

	if (asprintf(&path, "%s%s", home, name) < 0)
		return -ENOMEM;
	files->paths[kind][files->n_paths[kind]++] = path;
	return 0;
}

int hosts_list_defaults(struct ssh_known_files *files, const char *home) {
	int error = 0;

	for (size_t i = 0; error == 0 && i < HOSTS_LIST_SYSTEM_COUNT; i++)
		error = add_default(files, 1, "", SYSTEM_FILES[i]);
	if (error == 0 && home != NULL)
		error = add_default(files, 0, home, "/.ssh/known_hosts");
	if (error == 0 && home != NULL)
		error = add_default(files, 0, home, "/.ssh/known_hosts2");
	return error;
}
