#include "agent/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define SETTLED_S       2.  /* from then on a change has another time, for libev, too */
#define RESTORE_S       1.  /* whoever writes again and again is not answered more often */
#define RESTORED_NOTE_S 60. /* and one event in so long tells of it */

/* By the time of its last change, which nobody can set back. */
static bool is_own(const struct kept *kept, const struct stat *now) {
	const struct stat *own = &kept->own;

	return now->st_nlink > 0 && now->st_ino == own->st_ino && now->st_dev == own->st_dev &&
	       now->st_size == own->st_size && now->st_mode == own->st_mode &&
	       now->st_ctim.tv_sec == own->st_ctim.tv_sec &&
	       now->st_ctim.tv_nsec == own->st_ctim.tv_nsec;
}

static void restore_soon(struct kept *kept) {
	ev_timer_set(&kept->restore, RESTORE_S, 0.);
	ev_timer_start(kept->guard->loop, &kept->restore);
}

/* Whether it is there as we wrote it; soon it is again. */
static void look(struct kept *kept) {
	struct stat now;

	if (!kept->is_kept || ev_is_active(&kept->restore))
		return;
	if (fstatat(kept->guard->state_fd, kept->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_own(kept, &now))
		return;
	restore_soon(kept);
}

static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	look(watcher->data);
}

/* Whoever changed it in the moment in which we wrote it left the time of that. */
static void on_settled(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct kept *kept = watcher->data;
	CLEANUP(buffer_deinit) struct buffer wanted = {0};
	CLEANUP(buffer_deinit) struct buffer found = {0};

	(void)loop, (void)revents;
	look(kept);
	if (!kept->is_kept || ev_is_active(&kept->restore) ||
	    kept->content(kept->data, &wanted) < 0)
		return;
	if (kept_read(&found, kept->guard->state_fd, kept->name, wanted.len) < 0 ||
	    !bytes_equal(buffer_bytes(&found), buffer_bytes(&wanted)))
		restore_soon(kept);
}

/* Watches what lies there now: libev stays with the file of before for as long as somebody holds
 * that open, and with the directory alone where there was none. */
static void watch(struct kept *kept) {
	struct ev_loop *loop = kept->guard->loop;

	ev_stat_stop(loop, &kept->place);
	ev_stat_start(loop, &kept->place);
	look(kept);
	ev_timer_stop(loop, &kept->settled);
	ev_now_update(loop);
	ev_timer_set(&kept->settled, SETTLED_S, 0.);
	ev_timer_start(loop, &kept->settled);
}

void kept_found(struct kept *kept) {
	struct stat status;

	kept->is_kept = true;
	if (fstatat(kept->guard->state_fd, kept->name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		kept->own = status;
	if (ev_is_active(&kept->place))
		watch(kept);
}

int kept_write(struct kept *kept, struct bytes bytes) {
	int error = file_replace(kept->guard->state_fd, kept->name, bytes);

	if (error == 0)
		kept_found(kept);
	return error;
}

int kept_remove(struct kept *kept) {
	if (unlinkat(kept->guard->state_fd, kept->name, 0) < 0 && errno != ENOENT)
		return -errno;
	kept->is_kept = false;
	return 0;
}

int kept_read(struct buffer *ret, int state_fd, const char *name, size_t len_max) {
	CLEANUP(close_fd)
	int fd = openat(state_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
		return -EPERM;
	return file_read_open(ret, fd, len_max);
}

const char *kept_fault(int error) {
	switch (error) {
	case -EBADMSG:
	case -EINVAL: return "it is damaged";
	case -EPERM: return "it is not private to you";
	case -ELOOP: return "it is a link";
	case -ENOENT: return "it is missing";
	default: return strerror(-error);
	}
}

/* Somebody has changed it. What counts is what we hold; a later guard begins with the file. */
static void on_restore(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct kept *kept = watcher->data;
	CLEANUP(buffer_deinit) struct buffer content = {0};
	char detail[160];
	int error;

	(void)revents;
	if (!kept->is_kept)
		return;
	error = kept->content(kept->data, &content);
	if (error == 0)
		error = kept_write(kept, buffer_bytes(&content));
	snprintf(detail, sizeof(detail), "another program changed %s in the state directory%s",
	         kept->name, error == 0 ? "; it is as it was" : ", and it cannot be written");
	if (kept->restored_at == 0. || ev_now(loop) - kept->restored_at > RESTORED_NOTE_S)
		guard_note(kept->guard, "policy-copy-restored", NULL, detail);
	kept->restored_at = ev_now(loop);
}

void kept_start(struct kept *kept) {
	watch(kept);
}

int kept_init(struct kept *kept, struct guard *guard, const char *state, const char *name,
              kept_content *content, void *data) {
	*kept = (struct kept){.guard = guard, .name = name, .content = content, .data = data};
	if (asprintf(&kept->path, "%s/%s", state, name) < 0) {
		*kept = (struct kept){0};
		return -ENOMEM;
	}
	ev_init(&kept->restore, on_restore);
	ev_init(&kept->settled, on_settled);
	ev_stat_init(&kept->place, on_place, kept->path, 0.);
	kept->restore.data = kept->settled.data = kept->place.data = kept;
	return 0;
}

void kept_deinit(struct kept *kept) {
	if (kept->guard == NULL)
		return;
	ev_timer_stop(kept->guard->loop, &kept->restore);
	ev_timer_stop(kept->guard->loop, &kept->settled);
	ev_stat_stop(kept->guard->loop, &kept->place);
	free(kept->path);
	*kept = (struct kept){0};
}
