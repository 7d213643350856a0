#include "agent/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define SETTLED_S 2. /* from then on a change has another time, for libev, too */

/* By the time of its last change, which nobody can set back. */
static bool is_own(const struct own_file *file) {
	const struct stat *own = &file->own;
	struct stat now;

	return fstatat(file->guard->state_fd, file->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_nlink > 0 && now.st_ino == own->st_ino && now.st_dev == own->st_dev &&
	       now.st_size == own->st_size && now.st_mode == own->st_mode &&
	       now.st_ctim.tv_sec == own->st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == own->st_ctim.tv_nsec;
}

void own_file_look(struct own_file *file) {
	if (!is_own(file))
		file->calls.changed(file->calls.data);
}

static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	own_file_look(watcher->data);
}

static void on_settled(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct own_file *file = watcher->data;

	(void)loop, (void)revents;
	own_file_look(file);
	file->calls.settled(file->calls.data);
}

void own_file_written(struct own_file *file) {
	struct stat status;

	if (fstatat(file->guard->state_fd, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		file->own = status;
}

/* libev stays with the file of before for as long as somebody holds that open, and with the
 * directory alone where there was none. */
void own_file_watch(struct own_file *file) {
	ev_stat_stop(file->guard->loop, &file->place);
	ev_stat_start(file->guard->loop, &file->place);
	ev_timer_stop(file->guard->loop, &file->settled);
	ev_now_update(file->guard->loop);
	ev_timer_set(&file->settled, SETTLED_S, 0.);
	ev_timer_start(file->guard->loop, &file->settled);
	own_file_look(file);
}

bool own_file_is_watched(struct own_file *file) {
	return ev_is_active(&file->place);
}

void own_file_leave(struct own_file *file) {
	ev_stat_stop(file->guard->loop, &file->place);
	ev_timer_stop(file->guard->loop, &file->settled);
}

int own_file_init(struct own_file *file, struct guard *guard, const char *name,
                  const struct own_file_calls *calls) {
	*file = (struct own_file){.guard = guard, .name = name, .calls = *calls};
	if (asprintf(&file->path, "%s/%s", guard->state, name) < 0) {
		*file = (struct own_file){0};
		return -ENOMEM;
	}
	ev_init(&file->settled, on_settled);
	ev_stat_init(&file->place, on_place, file->path, 0.);
	file->settled.data = file->place.data = file;
	return 0;
}

void own_file_deinit(struct own_file *file) {
	if (file->guard == NULL)
		return;
	own_file_leave(file);
	free(file->path);
	*file = (struct own_file){0};
}
