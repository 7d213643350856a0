#include "sandbox/cover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/platform.h"

static void cover_directory(struct view *view, const char *path) {
	CLEANUP(free_pointer) char *real = platform_real_path(path);
	struct stat status;

	if (real == NULL)
		view_add(view, VIEW_ABSENT, path);
	else if (stat(real, &status) == 0 && S_ISDIR(status.st_mode))
		view_add(view, VIEW_EMPTY, real);
}

static void cover_file(struct view *view, const char *path) {
	CLEANUP(free_pointer) char *real = platform_real_path(path);
	struct stat status;

	if (real == NULL)
		view_add(view, VIEW_ABSENT, path);
	else if (lstat(real, &status) == 0 && !S_ISDIR(status.st_mode))
		view_add(view, VIEW_BLANK, real);
}

/* What a link leads to, unless that is covered with the directory. */
static void cover_target(struct view *view, const char *link, const char *directory) {
	CLEANUP(free_pointer) char *real = platform_real_path(link);

	if (real != NULL && !path_is_below(real, directory))
		cover_file(view, real);
}

static bool ends_with(const char *text, const char *end) {
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* Of what people keep in ~/.ssh. */
static bool holds_no_secret(const char *name) {
	return strcmp(name, "config") == 0 || strcmp(name, "known_hosts") == 0 ||
	       strcmp(name, "known_hosts2") == 0 || strcmp(name, "allowed_signers") == 0 ||
	       ends_with(name, ".pub");
}

/* A link is left out: it may lead to a key. Where it does, as where keys are kept with other settings
 * of the home, the key is covered there as well. */
static void keep_of_ssh(struct view *view, const char *ssh) {
	DIR *directory = opendir(ssh);

	if (directory == NULL)
		return;
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
		CLEANUP(free_pointer) char *path = NULL;
		struct stat status;

		if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (asprintf(&path, "%s/%s", ssh, entry->d_name) < 0) {
			path = NULL;
			view->error = -ENOMEM;
		} else if (S_ISLNK(status.st_mode) && !holds_no_secret(entry->d_name)) {
			cover_target(view, path, ssh);
		} else if (S_ISREG(status.st_mode) && holds_no_secret(entry->d_name)) {
			view_add(view, VIEW_READABLE, path);
		}
	}
	closedir(directory);
}

static int cover_below(struct view *view, const char *base, const char *name) {
	CLEANUP(free_pointer) char *path = NULL;

	if (asprintf(&path, "%s/%s", base, name) < 0)
		return -ENOMEM;
	cover_directory(view, path);
	return 0;
}

static int cover_ssh(struct view *view, const char *home) {
	CLEANUP(free_pointer) char *ssh = NULL;
	CLEANUP(free_pointer) char *real = NULL;

	if (asprintf(&ssh, "%s/.ssh", home) < 0)
		return -ENOMEM;
	real = platform_real_path(ssh);
	cover_directory(view, ssh);
	if (real != NULL)
		keep_of_ssh(view, real);
	return 0;
}

/* Where the policy stands among other things, it alone is covered. */
static int cover_policy(struct view *view, const struct plan *plan) {
	const char *config = getenv("XDG_CONFIG_HOME");
	CLEANUP(free_pointer) char *base = NULL;
	int error;

	if (config != NULL && config[0] == '/')
		base = strdup(config);
	else if (asprintf(&base, "%s/.config", plan->home) < 0)
		base = NULL;
	if (base == NULL)
		return -ENOMEM;
	cover_file(view, plan->policy);
	error = cover_below(view, base, "ssh-agent-guard");
	return error < 0 ? error : cover_below(view, base, "ssh-ag");
}

int cover_home(struct view *view, const struct plan *plan) {
	const char *gnupg = getenv("GNUPGHOME");
	int error = cover_ssh(view, plan->home);

	if (error == 0)
		error = cover_below(view, plan->home, ".gnupg");
	if (error == 0) /* macOS's; elsewhere there is none */
		error = cover_below(view, plan->home, "Library/Keychains");
	if (error == 0)
		error = cover_policy(view, plan);
	if (gnupg != NULL && gnupg[0] == '/')
		cover_directory(view, gnupg);
	cover_directory(view, plan->state);
	/* Elsewhere than in /run only where the system has no such place. */
	cover_directory(view, plan->runtime);
	return error;
}
