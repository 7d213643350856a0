#include "sandbox/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/cover.h"
#include "sandbox/nearest.h"
#include "sandbox/repository.h"

/* ---- what may be written ---- */

bool path_is_below(const char *path, const char *directory) {
	size_t len = strlen(directory);

	while (len > 1 && directory[len - 1] == '/')
		len--;
	if (len == 1 && directory[0] == '/')
		return true;
	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Links are followed as far as there is something. */
static char *resolved(const char *path) {
	size_t len;
	char *nearest = nearest_path(path, &len);

	return nearest != NULL ? nearest : strdup(path);
}

static int check_one(char **ret_why, const char *directory, const char *other, const char *what,
                     bool also_inside) {
	CLEANUP(free_pointer) char *real = other != NULL ? resolved(other) : NULL;

	if (real == NULL ||
	    !(path_is_below(real, directory) || (also_inside && path_is_below(directory, real))))
		return 0;
	if (asprintf(ret_why, "%s: is or holds %s (%s): a program in there could change it",
	             directory, what, real) < 0)
		*ret_why = NULL;
	return -EPERM;
}

static int check_writable(char **ret_why, const struct plan *plan, const char *directory) {
	CLEANUP(free_pointer) char *ssh = NULL;
	CLEANUP(free_pointer) char *gnupg = NULL;
	int error;

	if (asprintf(&ssh, "%s/.ssh", plan->home) < 0 ||
	    asprintf(&gnupg, "%s/.gnupg", plan->home) < 0)
		return -ENOMEM;
	error = check_one(ret_why, directory, plan->home, "the home directory", false);
	if (error == 0)
		error = check_one(ret_why, directory, plan->policy, "the guard's policy", false);
	if (error == 0)
		error = check_one(ret_why, directory, plan->state, "the guard's state", true);
	if (error == 0)
		error = check_one(ret_why, directory, plan->runtime, "the guard's sockets", true);
	if (error == 0)
		error = check_one(ret_why, directory, plan->program, "the guard's program", false);
	if (error == 0)
		error = check_one(ret_why, directory, ssh, "your SSH keys", true);
	if (error == 0)
		error = check_one(ret_why, directory, gnupg, "your GnuPG keys", true);
	if (error == 0)
		error = check_one(ret_why, directory, getenv("GNUPGHOME"), "your GnuPG keys", true);
	return error;
}

int plan_check(char **ret_why, const struct plan *plan) {
	int error = check_writable(ret_why, plan, plan->cwd);

	for (size_t i = 0; error == 0 && i < plan->writable.count; i++)
		error = check_writable(ret_why, plan, plan->writable.items[i]);
	return error;
}

/* ---- what is seen ---- */

static void see_home(struct view *view, const struct plan *plan) {
	/* Also where it lies below what was covered. */
	view_add(view, plan->private_home ? VIEW_EMPTY : VIEW_READABLE, plan->home);
}

/* Those above first: a directory that is mounted hides what was mounted below it. */
static int compare_paths(const void *a, const void *b) {
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int see_writable(struct view *view, char **ret_why, const struct plan *plan) {
	const char *paths[1 + PLAN_PATHS_MAX] = {plan->cwd};
	size_t count = 1 + plan->writable.count;
	int error = 0;

	for (size_t i = 1; i < count; i++)
		paths[i] = plan->writable.items[i - 1];
	qsort(paths, count, sizeof(paths[0]), compare_paths);
	for (size_t i = 0; i < count; i++)
		view_add(view, VIEW_WRITABLE, paths[i]);
	for (size_t i = 0; error == 0 && i < count; i++)
		if (i == 0 || strcmp(paths[i], paths[i - 1]) != 0)
			error = repository_protect(view, ret_why, paths[i]);
	return error;
}

static bool are_nested(const char *a, const char *b) {
	return path_is_below(a, b) || path_is_below(b, a);
}

/* What can be written is not to be hidden by it; also where it can be read as it is. */
static bool meets_writable(const struct plan *plan, const char *path) {
	if (are_nested(path, plan->cwd))
		return true;
	for (size_t i = 0; i < plan->writable.count; i++)
		if (are_nested(path, plan->writable.items[i]))
			return true;
	return false;
}

static void see_readable(struct view *view, const struct plan *plan, bool beside_writable) {
	for (size_t i = 0; i < plan->readable.count; i++) {
		const char *path = plan->readable.items[i];

		if (!beside_writable || !meets_writable(plan, path))
			view_add(view, VIEW_READABLE, path);
	}
}

int plan_view(struct view *view, char **ret_why, const struct plan *plan) {
	int error;

	see_home(view, plan);
	see_readable(view, plan, false);
	error = see_writable(view, ret_why, plan);
	/* Behind what can be written, and so in the power of earlier programs: nothing that they
	 * have prepared lies above a cover. */
	if (error == 0)
		error = cover_home(view, plan);
	see_readable(view, plan, true);
	return error < 0 ? error : view->error;
}

const char *const *plan_outside_variables(size_t *ret_count) {
	static const char *const outside[] = {
		"DBUS_SESSION_BUS_ADDRESS",
		"DBUS_SYSTEM_BUS_ADDRESS",
		"TMUX",
		"TMUX_PANE",
		"STY",
		"SSH_AGENT_PID",
		"GPG_AGENT_INFO",
		"GNOME_KEYRING_CONTROL",
		"SSH_ASKPASS",
		"SESSION_MANAGER",
		"DOCKER_HOST",
		"CONTAINER_HOST",
		"NOTIFY_SOCKET",
		"LISTEN_FDS",
		"LISTEN_PID",
		"KITTY_LISTEN_ON",
		"NVIM",
		"VSCODE_IPC_HOOK_CLI",
		"VSCODE_GIT_IPC_HANDLE",
		"GIT_ASKPASS",
	};

	*ret_count = sizeof(outside) / sizeof(outside[0]);
	return outside;
}
