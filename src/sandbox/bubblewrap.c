#include "sandbox/bubblewrap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/cover.h"

#define INNER_NAME "ssh-agent-guard.sock"

char *bubblewrap_runtime(void) {
	char *path = NULL;

	return asprintf(&path, "/run/user/%u", (unsigned)geteuid()) < 0 ? NULL : path;
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

bool bubblewrap_covers(const struct plan *plan, const char *path) {
	static const char *const covered[] = {"/run",     "/tmp", "/var/tmp",
	                                      "/var/run", "/dev", "/proc"};

	if (path_is_below(path, plan->cwd) || path_is_below(path, plan->home))
		return false;
	for (size_t i = 0; i < plan->writable.count; i++)
		if (path_is_below(path, plan->writable.items[i]))
			return false;
	for (size_t i = 0; i < plan->readable.count; i++)
		if (path_is_below(path, plan->readable.items[i]))
			return false;
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++)
		if (path_is_below(path, covered[i]))
			return true;
	return false;
}

static void put_view(struct words *words, const struct view *view, size_t first, size_t end) {
	for (size_t i = first; i < end; i++) {
		const char *path = view->entries[i].path;

		switch (view->entries[i].kind) {
		case VIEW_READABLE: words_add3(words, "--ro-bind", path, path); break;
		case VIEW_WRITABLE: words_add3(words, "--bind", path, path); break;
		case VIEW_EMPTY:
			words_add3(words, "--perms", "0700", "--tmpfs");
			words_add(words, path);
			break;
		case VIEW_BLANK: words_add3(words, "--ro-bind", "/dev/null", path); break;
		case VIEW_ABSENT: break; /* nothing is mounted where nothing is */
		}
	}
}

/* The home is the first of the view. */
static void put_files(struct words *words, const struct view *view, const struct listed *listed,
                      const char *home) {
	listed_put(listed, words, home, false);
	if (!listed_has(listed, home))
		put_view(words, view, 0, view->count > 0);
	listed_put(listed, words, home, true);
	put_view(words, view, 1, view->count);
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
	words_addf(words, "%s/%s", inner,
	           strrchr(display, '/') ? strrchr(display, '/') + 1 : display);
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
	size_t count;
	const char *const *outside = plan_outside_variables(&count);

	for (size_t i = 0; i < count; i++)
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

int bubblewrap_words(struct words *words, char **ret_why, const struct plan *plan,
                     const struct listed *listed, int filter_fd) {
	CLEANUP(free_pointer) char *inner = bubblewrap_runtime();
	CLEANUP(view_deinit) struct view view = {0};
	int error;

	if (inner == NULL)
		return -ENOMEM;
	put_namespaces(words, plan);
	put_system(words);
	error = plan_view(&view, ret_why, plan);
	put_files(words, &view, listed, plan->home);
	if (error == 0)
		error = cover_sockets(words, plan);
	put_ways_out(words, plan, inner);
	listed_close(listed, words);
	put_environment(words, plan, inner);
	words_add3(words, "--chdir", plan->cwd, NULL);
	words_add(words, "--seccomp");
	words_addf(words, "%d", filter_fd);
	return error < 0 ? error : words->error;
}
