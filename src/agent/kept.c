#include "agent/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define RESTORE_S       1.  /* whoever writes again and again is not answered more often */
#define RESTORED_NOTE_S 60. /* and one event in so long tells of it */

static void restore_soon(struct kept *kept) {
	ev_timer_set(&kept->restore, RESTORE_S, 0.);
	ev_timer_start(kept->guard->loop, &kept->restore);
}

static void on_changed(void *data) {
	struct kept *kept = data;

	if (kept->is_kept && !ev_is_active(&kept->restore))
		restore_soon(kept);
}

static void on_settled(void *data) {
	struct kept *kept = data;
	CLEANUP(buffer_deinit) struct buffer wanted = {0};
	CLEANUP(buffer_deinit) struct buffer found = {0};

	if (!kept->is_kept || ev_is_active(&kept->restore) ||
	    kept->content(kept->data, &wanted) < 0)
		return;
	if (kept_read(&found, kept->guard->state_fd, kept->name, wanted.len) < 0 ||
	    !bytes_equal(buffer_bytes(&found), buffer_bytes(&wanted)))
		restore_soon(kept);
}

void kept_found(struct kept *kept) {
	kept->is_kept = true;
	own_file_written(&kept->file);
	if (own_file_is_watched(&kept->file))
		own_file_watch(&kept->file);
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
	own_file_watch(&kept->file);
}

int kept_init(struct kept *kept, struct guard *guard, const char *name, kept_content *content,
              void *data) {
	const struct own_file_calls calls = {on_changed, on_settled, kept};

	*kept = (struct kept){.guard = guard, .name = name, .content = content, .data = data};
	if (own_file_init(&kept->file, guard, name, &calls) < 0) {
		*kept = (struct kept){0};
		return -ENOMEM;
	}
	ev_init(&kept->restore, on_restore);
	kept->restore.data = kept;
	return 0;
}

void kept_deinit(struct kept *kept) {
	if (kept->guard == NULL)
		return;
	ev_timer_stop(kept->guard->loop, &kept->restore);
	own_file_deinit(&kept->file);
	*kept = (struct kept){0};
}
