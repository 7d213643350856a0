#include "agent/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "log/expire.h"
#include "policy/floor.h"

#define SYNC_INTERVAL_S 5.
#define CHILD_FD        3

struct keeper {
	struct guard *guard;
	char day[CLOCK_DAY_SIZE]; /* on which old days were looked for last */
	ev_timer soon;
	ev_child child; /* writes to the disk, which may take as long as the disk likes */
	bool dirty;     /* more was written since that began */
};

/* Clients and agents must not wait for its end, which a disk can put off. */
static _Noreturn void child_run(int fd) {
	if (dup2(fd, CHILD_FD) < 0 || platform_close_from(CHILD_FD + 1) < 0)
		_exit(1);
	_exit(fdatasync(CHILD_FD) < 0 ? 1 : 0);
}

static void keeper_sync(struct keeper *keeper) {
	int fd = journal_fd(keeper->guard->journal);
	pid_t pid = fd >= 0 ? fork() : -1;

	if (pid == 0)
		child_run(fd);
	if (pid < 0) { /* later, then */
		ev_timer_start(keeper->guard->loop, &keeper->soon);
		return;
	}
	keeper->dirty = false;
	ev_child_set(&keeper->child, pid, 0);
	ev_child_start(keeper->guard->loop, &keeper->child);
}

static void keeper_sync_soon(struct keeper *keeper) {
	keeper->dirty = true;
	if (ev_is_active(&keeper->soon) || ev_is_active(&keeper->child))
		return;
	ev_timer_set(&keeper->soon, SYNC_INTERVAL_S, 0.);
	ev_timer_start(keeper->guard->loop, &keeper->soon);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	keeper_sync(watcher->data);
}

static void on_synced(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct keeper *keeper = watcher->data;

	(void)revents;
	ev_child_stop(loop, watcher);
	if (watcher->rstatus != 0)
		diag_error("event log: it could not be written through to the disk");
	if (keeper->dirty)
		keeper_sync_soon(keeper);
}

/* The event that tells of it is written on the same day, so this does not come back here. */
static void keeper_expire(struct keeper *keeper, unsigned keep_days, int64_t real_us) {
	struct expired expired;
	char detail[256];
	int error = journal_expire(&expired, keeper->guard->journal, real_us, keep_days);

	if (error < 0)
		diag_error("event log: old days could not be removed: %s", strerror(-error));
	if (expired.count == 0)
		return;
	snprintf(detail, sizeof(detail), "%zu day file%s removed, from %s to %s (keep: %ud)",
	         expired.count, expired.count == 1 ? " was" : "s were", expired.first, expired.last,
	         keep_days);
	guard_note(keeper->guard, "log-expired", NULL, detail);
}

void keeper_written(struct keeper *keeper) {
	struct log_settings log = floor_log(keeper->guard->floor, keeper->guard->policy);
	int64_t real_us = clock_real_us();
	char day[CLOCK_DAY_SIZE];

	if (log.sync == LOG_SYNC_INTERVAL)
		keeper_sync_soon(keeper);
	clock_day(day, real_us);
	if (log.keep_days == 0 || strcmp(day, keeper->day) == 0)
		return;
	memcpy(keeper->day, day, sizeof(day));
	keeper_expire(keeper, log.keep_days, real_us);
}

int keeper_new(struct keeper **ret, struct guard *guard) {
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	if (keeper == NULL)
		return -ENOMEM;
	keeper->guard = guard;
	ev_init(&keeper->soon, on_soon);
	ev_init(&keeper->child, on_synced);
	keeper->soon.data = keeper->child.data = keeper;
	*ret = keeper;
	return 0;
}

void keeper_free(struct keeper *keeper) {
	if (keeper == NULL)
		return;
	ev_timer_stop(keeper->guard->loop, &keeper->soon);
	ev_child_stop(keeper->guard->loop, &keeper->child);
	free(keeper);
}
