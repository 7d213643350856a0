#include "monitor/inquiry.h"

#include <errno.h>

#include "agent/control.h"

static void stop(struct inquiry *inquiry) {
	ev_io_stop(inquiry->loop, &inquiry->io);
	ev_timer_stop(inquiry->loop, &inquiry->timer);
	close_fd(&inquiry->fd);
}

static void end(struct inquiry *inquiry, int result) {
	CLEANUP(buffer_deinit) struct buffer answer = inquiry->answer;

	inquiry->answer = (struct buffer){0};
	stop(inquiry);
	inquiry->answered(inquiry->data, result, buffer_bytes(&answer));
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct inquiry *inquiry = watcher->data;
	int result = control_go_on_asking(&inquiry->answer, inquiry->fd);

	(void)loop, (void)revents;
	if (result != -EAGAIN && result != -EINTR)
		end(inquiry, result);
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	end(watcher->data, -ETIMEDOUT);
}

void inquiry_init(struct inquiry *inquiry, struct ev_loop *loop, inquiry_answered *answered,
                  void *data) {
	*inquiry = (struct inquiry){.loop = loop, .answered = answered, .data = data, .fd = -1};
	ev_init(&inquiry->io, on_readable);
	ev_init(&inquiry->timer, on_timeout);
	inquiry->io.data = inquiry->timer.data = inquiry;
}

void inquiry_deinit(struct inquiry *inquiry) {
	if (inquiry->loop == NULL)
		return;
	stop(inquiry);
	buffer_deinit(&inquiry->answer);
}

bool inquiry_is_open(const struct inquiry *inquiry) {
	return inquiry->fd >= 0;
}

int inquiry_begin(struct inquiry *inquiry, const char *path, const char *request) {
	int error;

	stop(inquiry);
	buffer_deinit(&inquiry->answer);
	error = control_begin_to_ask(&inquiry->fd, path, request, false);
	if (error < 0)
		return error;
	ev_io_set(&inquiry->io, inquiry->fd, EV_READ);
	ev_timer_set(&inquiry->timer, CONTROL_TIMEOUT_S, 0.);
	ev_io_start(inquiry->loop, &inquiry->io);
	ev_timer_start(inquiry->loop, &inquiry->timer);
	return 0;
}
