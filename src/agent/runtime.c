#include "agent/runtime.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/diag.h"
#include "base/file.h"

struct runtime {
	struct ev_loop *loop;
	const char *path;
	runtime_changed *changed;
	void *data;
	bool lost;       /* said once */
	struct stat own; /* of the one that was made: device and inode tell it from another */
	ev_stat watch;
	ev_timer look;
};

/* Whoever can replace a directory above it can put an agent of his own behind us, and gets the keys
 * that are added to it. */
static int runtime_make(const char *path, bool quiet) {
	CLEANUP(close_fd) int made = -1;
	CLEANUP(close_fd) int checked = -1;
	CLEANUP(free_pointer) char *bad = NULL;
	int error = directory_make_private(&made, path);

	if (error == 0)
		error = directory_check(&checked, &bad, path);
	if (quiet)
		return error;
	if (bad != NULL)
		diag_error("%s: %s belongs to somebody else, or can be written by others (set "
		           "XDG_RUNTIME_DIR to a directory of your own)",
		           path, bad);
	else if (error < 0)
		diag_error("%s: %s (it must be yours, mode 0700, and no link)", path,
		           strerror(-error));
	return error;
}

static bool is_own(const struct runtime *runtime) {
	struct stat status;

	return lstat(runtime->path, &status) == 0 && status.st_dev == runtime->own.st_dev &&
	       status.st_ino == runtime->own.st_ino;
}

void runtime_look(struct runtime *runtime) {
	bool lost = runtime_make(runtime->path, runtime->lost) < 0;

	runtime->lost = lost;
	if (lost)
		return;
	if (!is_own(runtime)) {
		if (lstat(runtime->path, &runtime->own) < 0)
			return; /* gone again */
		/* What is watched may be the one that went. */
		ev_stat_stop(runtime->loop, &runtime->watch);
		ev_stat_start(runtime->loop, &runtime->watch);
	}
	runtime->changed(runtime->data);
}

static void on_watch(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	runtime_look(watcher->data);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct runtime *runtime = watcher->data;

	(void)loop, (void)revents;
	if (runtime->lost || !is_own(runtime))
		runtime_look(runtime);
}

int runtime_new(struct runtime **ret, struct ev_loop *loop, const char *path,
                runtime_changed *changed, void *data) {
	struct runtime *runtime;
	int error = runtime_make(path, false);

	if (error < 0)
		return error;
	runtime = calloc(1, sizeof(*runtime));
	if (runtime == NULL)
		return -ENOMEM;
	*runtime = (struct runtime){.loop = loop, .path = path, .changed = changed, .data = data};
	ev_stat_init(&runtime->watch, on_watch, path, 0.);
	ev_timer_init(&runtime->look, on_look, RUNTIME_LOOK_S, RUNTIME_LOOK_S);
	runtime->watch.data = runtime->look.data = runtime;
	if (lstat(path, &runtime->own) < 0)
		runtime->lost = true;
	ev_stat_start(loop, &runtime->watch);
	ev_timer_start(loop, &runtime->look);
	*ret = runtime;
	return 0;
}

void runtime_free(struct runtime *runtime) {
	if (runtime == NULL)
		return;
	ev_stat_stop(runtime->loop, &runtime->watch);
	ev_timer_stop(runtime->loop, &runtime->look);
	free(runtime);
}
