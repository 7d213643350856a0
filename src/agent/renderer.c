#include "agent/renderer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "platform/child.h"
#include "platform/platform.h"

enum renderer_state {
	RENDERER_RESTS,
	RENDERER_RUNS,
	RENDERER_LINGERS, /* has reported, and its process is still there */
};

struct renderer {
	struct ev_loop *loop;
	struct renderer_calls calls;
	enum renderer_state state;
	bool is_due;
	ev_tstamp next_start;
	pid_t pid;
	int report_fd;
	ev_io readable;
	ev_timer limit;
	ev_timer pause;
	ev_child ended;
};

static void renderer_look(struct renderer *renderer);

/* With what it started, once it leads a group. Its number is ours until it is reaped. */
static void renderer_kill(const struct renderer *renderer) {
	if (renderer->pid != 0 && kill(-renderer->pid, SIGKILL) < 0)
		kill(renderer->pid, SIGKILL);
}

static void renderer_report(struct renderer *renderer, const uint8_t *report, size_t len,
                            bool killed) {
	struct ev_loop *loop = renderer->loop;

	ev_io_stop(loop, &renderer->readable);
	ev_timer_stop(loop, &renderer->limit);
	close_fd(&renderer->report_fd);
	renderer->state = RENDERER_LINGERS;
	ev_timer_set(&renderer->limit, renderer->calls.linger_s, 0.);
	ev_timer_start(loop, &renderer->limit);
	renderer->calls.reported(renderer->calls.data, report, len, killed);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct renderer *renderer = watcher->data;
	uint8_t report[RENDERER_REPORT_SIZE];
	ssize_t len = read(renderer->report_fd, report, sizeof(report));

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	renderer_report(renderer, report, len > 0 ? (size_t)len : 0, false);
	renderer_look(renderer);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct renderer *renderer = watcher->data;

	(void)loop, (void)revents;
	renderer_kill(renderer);
	if (renderer->state == RENDERER_RUNS)
		renderer_report(renderer, NULL, 0, true);
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct renderer *renderer = watcher->data;

	(void)revents;
	ev_child_stop(loop, watcher);
	renderer->pid = 0;
	if (renderer->state == RENDERER_RUNS)
		on_readable(loop, &renderer->readable, 0);
	if (renderer->state == RENDERER_RUNS) /* somebody else holds the pipe */
		renderer_report(renderer, NULL, 0, false);
	ev_timer_stop(loop, &renderer->limit);
	renderer->state = RENDERER_RESTS;
	renderer_look(renderer);
}

static int renderer_fork(struct renderer *renderer) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2];
	pid_t pid;
	int error = platform_pipe(pair, true);

	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	pid = child_fork();
	if (pid == 0) {
		renderer->calls.run(renderer->calls.data, theirs, parent);
		_exit(1);
	}
	if (pid < 0)
		return -EAGAIN;
	renderer->pid = pid;
	renderer->report_fd = take_fd(&ours);
	return 0;
}

static void renderer_start(struct renderer *renderer) {
	struct ev_loop *loop = renderer->loop;
	int error = renderer_fork(renderer);

	ev_now_update(loop);
	renderer->next_start = ev_now(loop) + renderer->calls.pause_s;
	if (error < 0) { /* it stays due, and is tried again with the next change */
		diag_debug("renderer: %s", strerror(-error));
		return;
	}
	renderer->is_due = false;
	renderer->state = RENDERER_RUNS;
	ev_child_set(&renderer->ended, renderer->pid, 0);
	ev_child_start(loop, &renderer->ended);
	ev_io_set(&renderer->readable, renderer->report_fd, EV_READ);
	ev_io_start(loop, &renderer->readable);
	ev_timer_set(&renderer->limit, renderer->calls.limit_s, 0.);
	ev_timer_start(loop, &renderer->limit);
}

static void renderer_look(struct renderer *renderer) {
	ev_tstamp after = renderer->next_start - ev_now(renderer->loop);

	if (!renderer->is_due || renderer->state == RENDERER_RUNS || ev_is_active(&renderer->pause))
		return;
	if (after > 0.) {
		ev_timer_set(&renderer->pause, after, 0.);
		ev_timer_start(renderer->loop, &renderer->pause);
		return;
	}
	if (renderer->state == RENDERER_LINGERS)
		renderer_kill(renderer); /* goes on in on_ended() */
	else
		renderer_start(renderer);
}

static void on_pause(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct renderer *renderer = watcher->data;

	(void)loop, (void)revents;
	renderer->next_start = 0.;
	renderer_look(renderer);
}

void renderer_due(struct renderer *renderer, bool urgent) {
	renderer->is_due = true;
	if (urgent) {
		ev_timer_stop(renderer->loop, &renderer->pause);
		renderer->next_start = 0.;
	}
	renderer_look(renderer);
}

int renderer_new(struct renderer **ret, struct ev_loop *loop, const struct renderer_calls *calls) {
	struct renderer *renderer = calloc(1, sizeof(*renderer));

	if (renderer == NULL)
		return -ENOMEM;
	renderer->loop = loop;
	renderer->calls = *calls;
	renderer->report_fd = -1;
	ev_init(&renderer->readable, on_readable);
	ev_init(&renderer->limit, on_limit);
	ev_init(&renderer->pause, on_pause);
	ev_init(&renderer->ended, on_ended);
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_set_priority(&renderer->ended, EV_MAXPRI);
	renderer->readable.data = renderer->limit.data = renderer->pause.data =
		renderer->ended.data = renderer;
	*ret = renderer;
	return 0;
}

void renderer_free(struct renderer *renderer) {
	if (renderer == NULL)
		return;
	renderer_kill(renderer);
	ev_io_stop(renderer->loop, &renderer->readable);
	ev_timer_stop(renderer->loop, &renderer->limit);
	ev_timer_stop(renderer->loop, &renderer->pause);
	ev_child_stop(renderer->loop, &renderer->ended);
	close_fd(&renderer->report_fd);
	free(renderer);
}
