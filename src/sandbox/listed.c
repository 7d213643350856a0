#include "sandbox/listed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/bubblewrap.h"
#include "sandbox/nearest.h"

/* ---- which directories ---- */

static bool is_writable_inside(const struct plan *plan, const char *path) {
	if (path_is_below(path, plan->cwd))
		return true;
	for (size_t i = 0; i < plan->writable.count; i++)
		if (path_is_below(path, plan->writable.items[i]))
			return true;
	return false;
}

/* Whether this user's programs can make something in it. */
static bool can_be_filled(const char *directory) {
	struct stat status;

	return stat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
	       (status.st_uid == geteuid() || access(directory, W_OK) == 0);
}

/* How many things are in it, up to one more than are taken; negative: it cannot be read. */
static int count_entries(const char *directory) {
	DIR *stream = opendir(directory);
	int count = 0;

	if (stream == NULL)
		return -errno;
	while (count <= LISTED_ENTRIES_MAX && readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count;
}

static void hide(struct listed *listed, const struct plan *plan, const char *path) {
	size_t len = 0;
	CLEANUP(free_pointer) char *whole = nearest_path(path, &len);
	CLEANUP(free_pointer) char *directory = whole != NULL ? strndup(whole, len) : NULL;
	int count;

	if (whole == NULL) {
		if (path[0] == '/')
			words_addf(&listed->open,
			           "%s leads nowhere (links in a circle?): what is made there "
			           "while the program runs, the program sees (remove it)",
			           path);
		return;
	}
	if (directory == NULL) {
		listed->hidden.error = -ENOMEM;
		return;
	}
	/* What is there is covered, and so is what lies below such a cover. */
	if (whole[len] == '\0' || !can_be_filled(directory) || bubblewrap_covers(plan, directory) ||
	    is_writable_inside(plan, directory) ||
	    (plan->private_home && path_is_below(directory, plan->home)))
		return;
	count = count_entries(directory);
	if (count < 0 || count > LISTED_ENTRIES_MAX) {
		words_addf(&listed->open,
		           "%s is not there: if it is made while the program runs, the program "
		           "sees it (%s %s; make it now)",
		           whole, directory,
		           count < 0 ? "cannot be read" : "has too many files to hide it");
		return;
	}
	words_add(&listed->hidden, whole);
	if (!listed_has(listed, directory))
		words_add(&listed->directories, directory);
}

static void hide_below_home(struct listed *listed, const struct plan *plan, const char *name) {
	CLEANUP(free_pointer) char *path = NULL;

	if (asprintf(&path, "%s/%s", plan->home, name) < 0) {
		path = NULL;
		listed->hidden.error = -ENOMEM;
	} else {
		hide(listed, plan, path);
	}
}

/* A directory of the guard's own is covered whole where it is there, with all that comes into it.
 */
static void hide_policy(struct listed *listed, const struct plan *plan) {
	const char *config = getenv("XDG_CONFIG_HOME"), *slash = strrchr(plan->policy, '/');
	CLEANUP(free_pointer) char *own = NULL;
	CLEANUP(free_pointer) char *above = NULL;
	struct stat status;

	if (slash == NULL)
		return;
	above = strndup(plan->policy, (size_t)(slash - plan->policy));
	if (above == NULL || asprintf(&own, "%s%s/ssh-agent-guard",
	                              config != NULL && config[0] == '/' ? config : plan->home,
	                              config != NULL && config[0] == '/' ? "" : "/.config") < 0) {
		own = NULL;
		listed->hidden.error = -ENOMEM;
	} else if (strcmp(above, own) != 0 || stat(own, &status) < 0) {
		hide(listed, plan, plan->policy);
	}
}

static int compare_words(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int listed_init(struct listed *ret, const struct plan *plan) {
	const char *gnupg = getenv("GNUPGHOME");
	int error;

	*ret = (struct listed){0};
	hide_below_home(ret, plan, ".ssh");
	hide_below_home(ret, plan, ".gnupg");
	if (gnupg != NULL)
		hide(ret, plan, gnupg);
	hide_policy(ret, plan);
	hide(ret, plan, plan->state);
	hide(ret, plan, plan->runtime);
	/* Those above first: a directory that is mounted hides what was mounted below it. */
	if (ret->directories.count > 1)
		qsort(ret->directories.items, ret->directories.count,
		      sizeof(ret->directories.items[0]), compare_words);
	error = ret->directories.error < 0 ? ret->directories.error : ret->hidden.error;
	error = error < 0 ? error : ret->open.error;
	if (error < 0)
		listed_deinit(ret);
	return error;
}

void listed_deinit(struct listed *listed) {
	words_deinit(&listed->directories);
	words_deinit(&listed->hidden);
	words_deinit(&listed->open);
}

bool listed_has(const struct listed *listed, const char *directory) {
	return words_have(&listed->directories, directory);
}

/* ---- what is in them ---- */

/* It was made in the meantime, or is a directory on the way there. */
static bool is_hidden(const struct listed *listed, const char *path) {
	for (size_t i = 0; i < listed->hidden.count; i++)
		if (path_is_below(listed->hidden.items[i], path))
			return true;
	return false;
}

static void put_link(struct words *words, const char *path) {
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len <= 0)
		return;
	target[len] = '\0';
	words_add3(words, "--symlink", target, path);
}

/* Sockets are left out, with all that is neither a file nor a directory. It may be gone by the time
 * that it is mounted. */
static void put_entry(struct words *words, int directory_fd, const struct dirent *entry,
                      const char *path) {
	unsigned char type = entry->d_type;
	struct stat status;

	if (type == DT_UNKNOWN &&
	    fstatat(directory_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		type = S_ISDIR(status.st_mode)   ? DT_DIR
		       : S_ISREG(status.st_mode) ? DT_REG
		       : S_ISLNK(status.st_mode) ? DT_LNK
		                                 : DT_UNKNOWN;
	if (type == DT_LNK)
		put_link(words, path);
	else if (type == DT_DIR || type == DT_REG)
		words_add3(words, "--ro-bind-try", path, path);
}

static void put_entries(const struct listed *listed, struct words *words, const char *directory) {
	DIR *stream = opendir(directory);

	if (stream == NULL) /* it could be read before; nothing of it is seen now */
		return;
	for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
		CLEANUP(free_pointer) char *path = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0) {
			path = NULL;
			words->error = -ENOMEM;
		} else if (!is_hidden(listed, path)) {
			put_entry(words, dirfd(stream), entry, path);
		}
	}
	closedir(stream);
}

void listed_put(const struct listed *listed, struct words *words, const char *directory,
                bool below) {
	for (size_t i = 0; i < listed->directories.count; i++) {
		const char *path = listed->directories.items[i];

		if (path_is_below(path, directory) != below)
			continue;
		words_add3(words, "--perms", "0755", "--tmpfs");
		words_add(words, path);
		put_entries(listed, words, path);
	}
}

void listed_close(const struct listed *listed, struct words *words) {
	for (size_t i = 0; i < listed->directories.count; i++)
		words_add3(words, "--remount-ro", listed->directories.items[i], NULL);
}
