#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "log/expire.h"
#include "log/pack.h"
#include "platform/child.h"
#include "policy/floor.h"

#define SYNC_INTERVAL_S 5.
#define SYNC_AGAIN_S    0.2 /* where there was no room for a child */
#define SYNC_TRIES_MAX  25
#define CHILD_FD        3
#define CHILD_FDS_MAX   3
#define PACKING_NICE    10

enum pack_exit { PACK_DONE, PACK_FAILED, PACK_NOT_HERE };

/* What a look at old files goes by: where it is the same as last time, they are left alone. */
struct occasion {
	char day[CLOCK_DAY_SIZE];
	unsigned long turns; /* of the journal */
	unsigned keep_days;
	uint64_t keep_len;
	bool no_compress;
};

struct keeper {
	struct guard *guard;
	struct occasion last;
	ev_timer soon;
	ev_child syncer; /* writes to the disk, which may take as long as the disk likes */
	bool dirty;      /* more was written since that began */
	struct keeper_wait *round;      /* who waits for it */
	unsigned tries;                 /* in vain */
	struct keeper_wait *next_round; /* who wrote since */
	int before_fd;                  /* a file that was closed since; -1: none */
	int open_fd;                    /* the one that is open; -1: not known yet */
	struct mounts *mounts;          /* NULL: this system does not tell */
	ev_io mounted;
	ev_child packer; /* packs what is closed */
	bool again;      /* and is to look again */
	bool said;       /* that this file system does not allow it */
};

static struct log_settings settings(const struct keeper *keeper) {
	return floor_log(keeper->guard->floor, keeper->guard->policy);
}

/* A child with nothing of ours but these descriptors, from CHILD_FD on: clients and agents must not
 * wait for its end, which a disk can put off. -1: none. */
static pid_t child_new(const int *fds, size_t count) {
	pid_t pid = fork();
	int far[CHILD_FDS_MAX];

	if (pid != 0)
		return pid;
	for (size_t i = 0; i < count; i++) {
		far[i] = fcntl(fds[i], F_DUPFD, CHILD_FD + CHILD_FDS_MAX);
		if (far[i] < 0)
			_exit(PACK_FAILED);
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(far[i], CHILD_FD + (int)i) < 0)
			_exit(PACK_FAILED);
	if (platform_close_from(CHILD_FD + (int)count) < 0)
		_exit(PACK_FAILED);
	return 0;
}

/* ---- to the disk ---- */

static void wait_link(struct keeper_wait **list, struct keeper_wait *wait) {
	wait->next = *list;
	wait->link = list;
	if (*list != NULL)
		(*list)->link = &wait->next;
	*list = wait;
}

void keeper_wait_end(struct keeper_wait *wait) {
	if (wait->done == NULL)
		return;
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
	*wait = (struct keeper_wait){0};
}

/* Whoever is called may wait again, for another round. */
static void wake_list(struct keeper_wait **list, int error) {
	struct keeper_wait *woken = TAKE(*list);

	if (woken != NULL)
		woken->link = &woken;
	while (woken != NULL) {
		struct keeper_wait wait = *woken;

		keeper_wait_end(woken);
		wait.done(wait.data, error);
	}
}

/* The files of this round: the one that was open before, if events of this round went there, the
 * one that is open, and the directory, for their names. */
static _Noreturn void sync_run(size_t count) {
	if (child_limit(CHILD_LOOKS_ONLY) < 0)
		_exit(1);
	for (size_t i = 0; i < count; i++)
		if (platform_flush(CHILD_FD + (int)i) < 0)
			_exit(1);
	_exit(0);
}

static void keeper_sync_after(struct keeper *keeper, double after_s) {
	ev_timer_stop(keeper->guard->loop, &keeper->soon);
	ev_timer_set(&keeper->soon, after_s, 0.);
	ev_timer_start(keeper->guard->loop, &keeper->soon);
}

static void keeper_sync(struct keeper *keeper) {
	const struct journal *journal = keeper->guard->journal;
	int fds[CHILD_FDS_MAX] = {journal_fd(journal), journal_dir_fd(journal), keeper->before_fd};
	size_t count = keeper->before_fd >= 0 ? 3 : 2;
	pid_t pid = fds[0] >= 0 && fds[1] >= 0 ? child_new(fds, count) : -1;

	if (pid == 0)
		sync_run(count);
	if (pid < 0) {
		keeper_sync_after(keeper, SYNC_AGAIN_S);
		return;
	}
	keeper->dirty = false;
	keeper->tries = 0;
	close_fd(&keeper->before_fd);
	keeper->round = TAKE(keeper->next_round);
	if (keeper->round != NULL)
		keeper->round->link = &keeper->round;
	ev_child_set(&keeper->syncer, pid, 0);
	ev_child_start(keeper->guard->loop, &keeper->syncer);
}

static void keeper_sync_soon(struct keeper *keeper) {
	keeper->dirty = true;
	if (ev_is_active(&keeper->soon) || ev_is_active(&keeper->syncer))
		return;
	keeper_sync_after(keeper, SYNC_INTERVAL_S);
}

/* Whoever waits must not wait for ever for a child that there cannot be. */
static void on_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct keeper *keeper = watcher->data;

	(void)loop, (void)revents;
	if (ev_is_active(&keeper->syncer))
		return;
	if (keeper->tries++ < SYNC_TRIES_MAX)
		keeper_sync(keeper);
	else
		wake_list(&keeper->next_round, -EAGAIN);
}

static void on_synced(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct keeper *keeper = watcher->data;
	bool failed = watcher->rstatus != 0;

	(void)revents;
	ev_child_stop(loop, watcher);
	guard_synced(keeper->guard, !failed);
	wake_list(&keeper->round, failed ? -EIO : 0);
	if (keeper->next_round != NULL && !ev_is_active(&keeper->syncer))
		keeper_sync(keeper);
	else if (keeper->dirty)
		keeper_sync_soon(keeper);
}

void keeper_wait(struct keeper *keeper, struct keeper_wait *wait,
                 void (*done)(void *data, int error), void *data) {
	wait->done = done;
	wait->data = data;
	wait_link(&keeper->next_round, wait);
	if (!ev_is_active(&keeper->syncer))
		keeper_sync(keeper);
}

/* ---- old files ---- */

/* First the event: what is gone without one was taken by somebody else. So was what is missing
 * between what goes and what stays, which the event does not answer for. */
static int tell_expiry(struct keeper *keeper, const struct expiry *expiry) {
	char detail[256];
	struct event event = {.trigger = "log-expired",
	                      .detail = detail,
	                      .kept_from = expiry->joined ? expiry->kept_from : 0};

	snprintf(detail, sizeof(detail), "%zu day file%s removed, from %s to %s, as log: says%s",
	         expiry->count, expiry->count == 1 ? " is" : "s are", expiry->days.names[0],
	         expiry->days.names[expiry->count - 1],
	         expiry->joined ? "" : "; the events between them and the rest were not there");
	return guard_own_event(keeper->guard, &event);
}

static void keeper_expire(struct keeper *keeper) {
	CLEANUP(expiry_deinit) struct expiry expiry = {0};
	const struct keep keep = {keeper->last.keep_days, keeper->last.keep_len};
	int dir_fd = journal_dir_fd(keeper->guard->journal);
	int error = dir_fd >= 0 ? expire_plan(&expiry, dir_fd, &keep, clock_real_us()) : 0;

	if (error == 0 && expiry.count > 0) {
		error = tell_expiry(keeper, &expiry);
		if (error == 0)
			error = expire_remove(&expiry, dir_fd);
	}
	if (error < 0)
		diag_error("event log: old days could not be removed: %s", strerror(-error));
}

static _Noreturn void pack_run(const char *open_name) {
	int error;

	if (nice(PACKING_NICE) == -1 || child_limit(CHILD_NO_PROGRAMS | CHILD_NO_SOCKETS) < 0)
		_exit(PACK_FAILED);
	error = pack_closed(CHILD_FD, open_name);
	_exit(error == 0 ? PACK_DONE : error == -EOPNOTSUPP ? PACK_NOT_HERE : PACK_FAILED);
}

/* What is too old goes when all that can be packed is. */
static void keeper_tidy(struct keeper *keeper) {
	const struct journal *journal = keeper->guard->journal;
	char open_name[DAY_FILE_SIZE];
	pid_t pid;
	int dir_fd;

	if (ev_is_active(&keeper->packer)) {
		keeper->again = true;
		return;
	}
	if (keeper->last.no_compress || !journal_file_name(open_name, journal)) {
		keeper_expire(keeper);
		return;
	}
	dir_fd = journal_dir_fd(journal);
	pid = child_new(&dir_fd, 1);
	if (pid == 0)
		pack_run(open_name);
	if (pid < 0) {
		diag_error("event log: closed days could not be packed: %s", strerror(errno));
		keeper_expire(keeper);
		return;
	}
	ev_child_set(&keeper->packer, pid, 0);
	ev_child_start(keeper->guard->loop, &keeper->packer);
}

static void say_unpacked(struct keeper *keeper, int status) {
	bool not_here = WIFEXITED(status) && WEXITSTATUS(status) == PACK_NOT_HERE;

	if (status == 0 || (not_here && keeper->said))
		return;
	keeper->said = keeper->said || not_here;
	diag_error("event log: closed days could not be packed%s",
	           not_here ? ": this file system has no files without a name" : "");
}

static void on_packed(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct keeper *keeper = watcher->data;

	(void)revents;
	ev_child_stop(loop, watcher);
	say_unpacked(keeper, watcher->rstatus);
	keeper_expire(keeper);
	if (keeper->again) {
		keeper->again = false;
		keeper_tidy(keeper);
	}
}

static bool same_occasion(const struct occasion *a, const struct occasion *b) {
	return strcmp(a->day, b->day) == 0 && a->turns == b->turns &&
	       a->keep_days == b->keep_days && a->keep_len == b->keep_len &&
	       a->no_compress == b->no_compress;
}

/* What was written to a file that is closed now has still to be brought to the disk. */
static void keep_closed(struct keeper *keeper) {
	struct stat before, now;
	int fd = journal_fd(keeper->guard->journal);

	if (keeper->open_fd >= 0 && fstat(keeper->open_fd, &before) == 0 && fstat(fd, &now) == 0 &&
	    before.st_ino == now.st_ino && before.st_dev == now.st_dev)
		return;
	/* Two within one round, each of 64 KiB and more, are rare enough to be waited for. */
	if (keeper->before_fd >= 0 && platform_flush(keeper->before_fd) < 0)
		guard_synced(keeper->guard, false);
	close_fd(&keeper->before_fd);
	keeper->before_fd = take_fd(&keeper->open_fd);
	keeper->open_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void keeper_written(struct keeper *keeper) {
	struct log_settings log = settings(keeper);
	struct occasion now = {.turns = journal_turns(keeper->guard->journal),
	                       .keep_days = log.keep_days,
	                       .keep_len = log.keep_len,
	                       .no_compress = log.no_compress};

	if (log.sync != LOG_SYNC_NONE)
		keep_closed(keeper);
	if (log.sync == LOG_SYNC_INTERVAL)
		keeper_sync_soon(keeper);
	clock_day(now.day, clock_real_us());
	if (same_occasion(&now, &keeper->last))
		return;
	keeper->last = now;
	keeper_tidy(keeper);
}

static void on_mounted(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct keeper *keeper = watcher->data;

	(void)loop, (void)revents;
	journal_set_covered(keeper->guard->journal, mounts_are_others(keeper->mounts));
	guard_look_at_log(keeper->guard);
}

static void watch_mounts(struct keeper *keeper) {
	const char *state = journal_path(keeper->guard->journal);
	char path[4096 + sizeof("/" EVENTS_DIRECTORY)];

	if (state == NULL ||
	    snprintf(path, sizeof(path), "%s/" EVENTS_DIRECTORY, state) >= (int)sizeof(path) ||
	    mounts_new(&keeper->mounts, path) < 0) {
		diag_debug("event log: what is mounted over it will not be noticed at once");
		return;
	}
	ev_io_init(&keeper->mounted, on_mounted, mounts_fd(keeper->mounts), EV_READ);
	keeper->mounted.data = keeper;
	ev_io_start(keeper->guard->loop, &keeper->mounted);
}

int keeper_new(struct keeper **ret, struct guard *guard) {
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	if (keeper == NULL)
		return -ENOMEM;
	keeper->guard = guard;
	keeper->before_fd = keeper->open_fd = -1;
	ev_timer_init(&keeper->soon, on_soon, SYNC_INTERVAL_S, 0.);
	ev_init(&keeper->syncer, on_synced);
	ev_init(&keeper->packer, on_packed);
	ev_init(&keeper->mounted, on_mounted);
	keeper->soon.data = keeper->syncer.data = keeper->packer.data = keeper;
	watch_mounts(keeper);
	*ret = keeper;
	return 0;
}

void keeper_free(struct keeper *keeper) {
	if (keeper == NULL)
		return;
	/* Nothing is lost by that: see log/pack.h. */
	if (ev_is_active(&keeper->packer))
		kill(keeper->packer.pid, SIGKILL);
	ev_timer_stop(keeper->guard->loop, &keeper->soon);
	ev_child_stop(keeper->guard->loop, &keeper->syncer);
	ev_child_stop(keeper->guard->loop, &keeper->packer);
	ev_io_stop(keeper->guard->loop, &keeper->mounted);
	mounts_free(keeper->mounts);
	close_fd(&keeper->before_fd);
	close_fd(&keeper->open_fd);
	free(keeper);
}
