#include "monitor/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "log/follow.h"
#include "log/read.h"
#include "monitor/inquiry.h"
#include "monitor/trail.h"
#include "platform/platform.h"

#define BURST_S  0.1 /* as often the guard writes its status at most */
#define COUNT_S  1.  /* what counts down shows seconds; also where no guard answers */
#define LOOK_S   5.  /* where everything is told */
#define PID_LEN  10
#define REQUESTS (PANES + 1)

/* In this order: a new guard ends what the old one listed. */
static const char *const requests[REQUESTS] = {"status", "pending", "grants"};

struct feed {
	struct ev_loop *loop;
	struct feed_places places;
	struct model *model;
	void (*changed)(void *data);
	void *data;
	struct trail *trail;
	struct inquiry inquiry;
	size_t step;     /* of requests */
	bool again_soon; /* something changed while it was asked */
	bool is_told;    /* of events */
	ev_timer again;
	struct follow follow; /* of the state directory */
	struct stat watched;
	ev_io written;
	int guard_fd; /* the guard's process; -1: none is watched */
	ev_io ended;
};

static void ask_next(struct feed *feed);

/* ---- when ---- */

static void ask_after(struct feed *feed, double after_s) {
	ev_timer_stop(feed->loop, &feed->again);
	ev_timer_set(&feed->again, after_s, 0.);
	ev_timer_start(feed->loop, &feed->again);
}

void feed_ask(struct feed *feed) {
	if (inquiry_is_open(&feed->inquiry))
		feed->again_soon = true;
	else if (!ev_is_active(&feed->again) ||
	         ev_timer_remaining(feed->loop, &feed->again) > BURST_S)
		ask_after(feed, BURST_S);
}

static void stop_watching(struct feed *feed) {
	ev_io_stop(feed->loop, &feed->written);
	follow_deinit(&feed->follow);
}

/* The directory may come later, or be made anew. */
static void watch_status(struct feed *feed) {
	CLEANUP(close_fd)
	int fd = open(feed->places.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat now;

	if (fd < 0 || fstat(fd, &now) < 0) {
		stop_watching(feed);
		return;
	}
	if (feed->follow.fd >= 0 && now.st_ino == feed->watched.st_ino &&
	    now.st_dev == feed->watched.st_dev)
		return;
	stop_watching(feed);
	follow_init(&feed->follow, fd);
	feed->watched = now;
	if (feed->follow.fd < 0)
		return;
	ev_io_set(&feed->written, feed->follow.fd, EV_READ);
	ev_io_start(feed->loop, &feed->written);
}

static void rest(struct feed *feed) {
	bool is_told = feed->is_told && feed->follow.fd >= 0 && feed->guard_fd >= 0;

	feed->step = 0;
	ask_after(feed, feed->again_soon                        ? BURST_S
	                : is_told && !model_counts(feed->model) ? LOOK_S
	                                                        : COUNT_S);
	feed->again_soon = false;
}

/* ---- the guard ---- */

static void forget_guard(struct feed *feed) {
	ev_io_stop(feed->loop, &feed->ended);
	close_fd(&feed->guard_fd);
}

static void watch_guard(struct feed *feed) {
	struct bytes field = event_field(buffer_bytes(&feed->model->status), "pid");
	char text[PID_LEN + 1] = "";
	long pid;

	forget_guard(feed);
	if (field.len > PID_LEN)
		return;
	memcpy(text, field.data, field.len);
	pid = strtol(text, NULL, 10);
	if (pid <= 0 || pid != (pid_t)pid ||
	    platform_process_watch(&feed->guard_fd, (pid_t)pid) < 0) {
		feed->guard_fd = -1;
		return;
	}
	ev_io_set(&feed->ended, feed->guard_fd, EV_READ);
	ev_io_start(feed->loop, &feed->ended);
}

static const char *why_absent(int result) {
	switch (result) {
	case -ENOENT:
	case -ECONNREFUSED: return "no guard is running";
	case -EAGAIN:
	case -ETIMEDOUT: return "the guard does not answer";
	case -EPERM: return "what listens at the control socket is another user's";
	case -EPIPE:
	case -ECONNRESET: return "the guard has ended";
	case -ENOMEM: return "there is no memory";
	case 1:
	case -EPROTO:
	case -EMSGSIZE:
	case -EBADMSG: return "the guard answers something else (is it of this version?)";
	default: return strerror(-result);
	}
}

static void on_absent(struct feed *feed, int result) {
	forget_guard(feed);
	model_set_absent(feed->model, why_absent(result));
	rest(feed);
	feed->changed(feed->data);
}

static int take(struct feed *feed, struct bytes answer) {
	int error;

	if (feed->step > 0)
		return model_set_list(feed->model, (enum pane)(feed->step - 1), answer,
		                      clock_mono_ns());
	error = model_set_status(feed->model, answer);
	if (error == 0 && feed->guard_fd < 0)
		watch_guard(feed);
	return error;
}

static void on_answered(void *data, int result, struct bytes answer) {
	struct feed *feed = data;

	if (result == 0)
		result = take(feed, answer);
	if (result != 0) {
		on_absent(feed, result);
		return;
	}
	if (++feed->step < REQUESTS) {
		ask_next(feed);
		return;
	}
	rest(feed);
	feed->changed(feed->data);
}

static void ask_next(struct feed *feed) {
	int error = inquiry_begin(&feed->inquiry, feed->places.control, requests[feed->step]);

	if (error < 0)
		on_absent(feed, error);
}

/* ---- from the loop ---- */

static void on_again(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct feed *feed = watcher->data;

	(void)loop, (void)revents;
	watch_status(feed);
	feed->is_told = trail_look(feed->trail);
	if (inquiry_is_open(&feed->inquiry))
		return;
	feed->step = 0;
	ask_next(feed);
}

static void on_written(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct feed *feed = watcher->data;
	uint8_t events[4096];

	(void)loop, (void)revents;
	while (read(feed->follow.fd, events, sizeof(events)) > 0)
		;
	feed_ask(feed);
}

/* What it listed is void at once, whatever it may have answered last. */
static void on_ended(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct feed *feed = watcher->data;

	(void)loop, (void)revents;
	inquiry_deinit(&feed->inquiry);
	on_absent(feed, -ECONNREFUSED);
	feed_ask(feed);
}

static void on_event(void *data, struct bytes document) {
	struct feed *feed = data;

	if (document.data == NULL)
		past_clear(&feed->model->past);
	else if (model_add_event(feed->model, document) < 0)
		return;
	feed->changed(feed->data);
	/* Grants come and go with events. */
	if (document.data != NULL)
		feed_ask(feed);
}

int feed_new(struct feed **ret, struct ev_loop *loop, const struct feed_places *places,
             struct model *model, void (*changed)(void *data), void *data) {
	struct feed *feed = calloc(1, sizeof(*feed));
	int error;

	if (feed == NULL)
		return -ENOMEM;
	*feed = (struct feed){.loop = loop,
	                      .places = *places,
	                      .model = model,
	                      .changed = changed,
	                      .data = data,
	                      .follow.fd = -1,
	                      .guard_fd = -1};
	inquiry_init(&feed->inquiry, loop, on_answered, feed);
	ev_init(&feed->again, on_again);
	ev_init(&feed->written, on_written);
	ev_init(&feed->ended, on_ended);
	feed->again.data = feed->written.data = feed->ended.data = feed;
	error = trail_new(&feed->trail, loop, places->state, on_event, feed);
	if (error < 0) {
		feed_free(feed);
		return error;
	}
	ask_after(feed, 0.);
	*ret = feed;
	return 0;
}

void feed_free(struct feed *feed) {
	if (feed == NULL)
		return;
	inquiry_deinit(&feed->inquiry);
	trail_free(feed->trail);
	ev_timer_stop(feed->loop, &feed->again);
	stop_watching(feed);
	forget_guard(feed);
	free(feed);
}
