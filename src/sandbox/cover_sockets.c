/* Sockets are looked for in the directories that the kernel's table names, and not only by their names
 * there: it keeps the name of the beginning, and ssh, for one, makes a socket for others by a name
 * that it then gives up. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/bubblewrap.h"
#include "sandbox/cover.h"
#include "sandbox/outside_sockets.h"

struct covering {
	struct words *words;
	const struct plan *plan;
	struct words bases; /* where a name without a beginning can have been meant */
	struct words seen;  /* directories that have been looked through */
};

static bool was_asked_for(const struct plan *plan, const char *path) {
	for (size_t i = 0; i < plan->sockets.count; i++)
		if (strcmp(plan->sockets.items[i], path) == 0)
			return true;
	return false;
}

static void cover_socket(struct covering *covering, const char *real) {
	struct stat status;

	/* What we cannot connect to, the program cannot. */
	if (lstat(real, &status) == 0 && S_ISSOCK(status.st_mode) && access(real, W_OK) == 0 &&
	    !bubblewrap_covers(covering->plan, real) && !was_asked_for(covering->plan, real))
		words_add3(covering->words, "--ro-bind", "/dev/null", real);
}

/* false: it cannot be looked through. */
static bool cover_directory_sockets(struct covering *covering, const char *real) {
	DIR *directory;

	if (words_have(&covering->seen, real) || bubblewrap_covers(covering->plan, real))
		return true;
	directory = opendir(real);
	if (directory == NULL)
		return false;
	words_add(&covering->seen, real);
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
		CLEANUP(free_pointer) char *path = NULL;

		if (entry->d_type != DT_SOCK && entry->d_type != DT_UNKNOWN)
			continue;
		if (asprintf(&path, "%s/%s", strcmp(real, "/") == 0 ? "" : real, entry->d_name) >= 0)
			cover_socket(covering, path);
		else
			covering->words->error = -ENOMEM;
	}
	closedir(directory);
	return true;
}

static void cover_beside(struct covering *covering, const char *path) {
	CLEANUP(free_pointer) char *above = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	CLEANUP(free_pointer) char *directory = above != NULL ? realpath(above, NULL) : NULL;
	CLEANUP(free_pointer) char *real = NULL;

	if (directory == NULL || cover_directory_sockets(covering, directory))
		return;
	real = realpath(path, NULL);
	if (real != NULL)
		cover_socket(covering, real);
}

static void on_socket(void *data, const char *path) {
	struct covering *covering = data;

	if (path[0] == '/') {
		cover_beside(covering, path);
		return;
	}
	for (size_t i = 0; i < covering->bases.count; i++) {
		CLEANUP(free_pointer) char *whole = NULL;

		if (asprintf(&whole, "%s/%s", covering->bases.items[i], path) < 0) {
			whole = NULL;
			covering->words->error = -ENOMEM;
		} else {
			cover_beside(covering, whole);
		}
	}
}

/* A name without a beginning is below a directory where its process was; most still are there. */
static void find_bases(struct covering *covering) {
	DIR *processes = opendir("/proc");

	words_add(&covering->bases, covering->plan->home);
	words_add(&covering->bases, covering->plan->cwd);
	if (processes == NULL)
		return;
	for (struct dirent *entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
		char link[sizeof("/proc//cwd") + sizeof(entry->d_name)], path[PATH_MAX];
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(link, sizeof(link), "/proc/%s/cwd", entry->d_name);
		len = readlink(link, path, sizeof(path) - 1);
		if (len <= 0)
			continue;
		path[len] = '\0';
		if (!words_have(&covering->bases, path))
			words_add(&covering->bases, path);
	}
	closedir(processes);
}

int cover_sockets(struct words *words, const struct plan *plan) {
	struct covering covering = {.words = words, .plan = plan};
	int error;

	find_bases(&covering);
	for (size_t i = 0; i < 2 && i < covering.bases.count; i++) /* the home, and here */
		cover_directory_sockets(&covering, covering.bases.items[i]);
	error = outside_sockets(on_socket, &covering);
	if (error == 0)
		error = covering.bases.error < 0 ? covering.bases.error : covering.seen.error;
	words_deinit(&covering.bases);
	words_deinit(&covering.seen);
	return error;
}
