#include "sandbox/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/cover.h"
#include "sandbox/repository.h"

#define INNER_NAME "ssh-agent-guard.sock"

char *plan_inner_runtime(void) {
	char *path = NULL;

	return asprintf(&path, "/run/user/%u", (unsigned)geteuid()) < 0 ? NULL : path;
}

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
	char *real = realpath(path, NULL);

	return real != NULL ? real : strdup(path);
}

static int check_one(char **ret_why, const char *directory, const char *other, const char *what,
                     bool also_inside) {
	CLEANUP(free_pointer) char *real = other != NULL ? resolved(other) : NULL;

	if (real == NULL || !(path_is_below(real, directory) ||
	                      (also_inside && path_is_below(directory, real))))
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

/* ---- the file system ---- */

static void put_namespaces(struct words *words, const struct plan *plan) {
	words_add3(words, "--unshare-user", "--unshare-pid", "--unshare-ipc");
	words_add3(words, "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent");
	if (plan->no_network)
		words_add(words, "--unshare-net");
}

/* Names are looked up with it; it often leads into /run. */
static void put_resolver(struct words *words) {
	CLEANUP(free_pointer) char *real = realpath("/etc/resolv.conf", NULL);

	if (real != NULL && strncmp(real, "/run/", 5) == 0)
		words_add3(words, "--ro-bind", real, real);
}

/* The root as it is, for reading, and nothing of what changes while the system runs. */
static void put_system(struct words *words) {
	struct stat status;

	words_add3(words, "--ro-bind", "/", "/");
	words_add3(words, "--dev", "/dev", NULL);
	words_add3(words, "--proc", "/proc", NULL);
	words_add3(words, "--tmpfs", "/run", NULL);
	words_add3(words, "--tmpfs", "/tmp", NULL);
	words_add3(words, "--tmpfs", "/var/tmp", NULL);
	if (lstat("/var/run", &status) == 0 && S_ISDIR(status.st_mode))
		words_add3(words, "--tmpfs", "/var/run", NULL);
	put_resolver(words);
	words_add3(words, "--ro-bind-try", "/run/current-system", "/run/current-system");
}

static void put_home(struct words *words, const struct plan *plan) {
	if (plan->private_home)
		words_add3(words, "--tmpfs", plan->home, NULL);
	else /* also where it lies below what was covered */
		words_add3(words, "--ro-bind", plan->home, plan->home);
}

/* Those above first: a directory that is mounted hides what was mounted below it. */
static int compare_paths(const void *a, const void *b) {
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int put_writable(struct words *words, char **ret_why, const struct plan *plan) {
	const char *paths[1 + PLAN_PATHS_MAX] = {plan->cwd};
	size_t count = 1 + plan->writable.count;
	int error = 0;

	for (size_t i = 1; i < count; i++)
		paths[i] = plan->writable.items[i - 1];
	qsort(paths, count, sizeof(paths[0]), compare_paths);
	for (size_t i = 0; i < count; i++)
		words_add3(words, "--bind", paths[i], paths[i]);
	for (size_t i = 0; error == 0 && i < count; i++)
		if (i == 0 || strcmp(paths[i], paths[i - 1]) != 0)
			error = repository_protect(words, ret_why, paths[i]);
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

static void put_readable(struct words *words, const struct plan *plan, bool beside_writable) {
	for (size_t i = 0; i < plan->readable.count; i++) {
		const char *path = plan->readable.items[i];

		if (!beside_writable || !meets_writable(plan, path))
			words_add3(words, "--ro-bind", path, path);
	}
}

/* ---- ways out that were asked for ---- */

static void put_x11(struct words *words) {
	const char *authority = getenv("XAUTHORITY");

	words_add3(words, "--bind-try", "/tmp/.X11-unix", "/tmp/.X11-unix");
	if (authority != NULL && authority[0] == '/')
		words_add3(words, "--ro-bind-try", authority, authority);
}

static void put_wayland(struct words *words, const char *inner) {
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *display = getenv("WAYLAND_DISPLAY");

	if (display == NULL)
		display = "wayland-0";
	words_add(words, "--bind-try");
	if (display[0] == '/' || runtime == NULL)
		words_add(words, display);
	else
		words_addf(words, "%s/%s", runtime, display);
	words_addf(words, "%s/%s", inner, strrchr(display, '/') ? strrchr(display, '/') + 1 : display);
}

static void put_ways_out(struct words *words, const struct plan *plan, const char *inner) {
	words_add3(words, "--perms", "0700", "--dir");
	words_add(words, inner);
	words_add3(words, "--bind", plan->socket, NULL);
	words_addf(words, "%s/" INNER_NAME, inner);
	if (plan->allow_x11)
		put_x11(words);
	if (plan->allow_wayland)
		put_wayland(words, inner);
	for (size_t i = 0; i < plan->sockets.count; i++)
		words_add3(words, "--bind", plan->sockets.items[i], plan->sockets.items[i]);
}

static void put_environment(struct words *words, const struct plan *plan, const char *inner) {
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

	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		words_add3(words, "--unsetenv", outside[i], NULL);
	if (!plan->allow_x11) {
		words_add3(words, "--unsetenv", "DISPLAY", NULL);
		words_add3(words, "--unsetenv", "XAUTHORITY", NULL);
	}
	if (!plan->allow_wayland)
		words_add3(words, "--unsetenv", "WAYLAND_DISPLAY", NULL);
	if (getenv("TMPDIR") != NULL) /* which may not be there inside */
		words_add3(words, "--setenv", "TMPDIR", "/tmp");
	words_add3(words, "--setenv", "XDG_RUNTIME_DIR", inner);
	words_add3(words, "--setenv", "SSH_AUTH_SOCK", NULL);
	words_addf(words, "%s/" INNER_NAME, inner);
}

int plan_words(struct words *words, char **ret_why, const struct plan *plan) {
	CLEANUP(free_pointer) char *inner = plan_inner_runtime();
	int error;

	if (inner == NULL)
		return -ENOMEM;
	put_namespaces(words, plan);
	put_system(words);
	put_home(words, plan);
	put_readable(words, plan, false);
	error = put_writable(words, ret_why, plan);
	/* Behind what can be written, and so in the power of earlier programs: nothing that they
	 * have prepared lies above a cover. */
	if (error == 0)
		error = cover_home(words, plan);
	put_readable(words, plan, true);
	if (error == 0)
		error = cover_sockets(words, plan);
	put_ways_out(words, plan, inner);
	put_environment(words, plan, inner);
	words_add3(words, "--chdir", plan->cwd, NULL);
	words_add(words, "--seccomp");
	words_addf(words, "%d", plan->filter_fd);
	return error < 0 ? error : words->error;
}
