#include "monitor/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "log/days.h"
#include "log/follow.h"
#include "log/read.h"

#define SINCE_US (INT64_C(24) * 3600 * 1000000)
#define BURST_S  0.05 /* a thousand events in a second are looked for twenty times */
#define PART     512  /* documents that are read before the loop goes on: some milliseconds */

struct trail {
	struct ev_loop *loop;
	char *state;
	trail_event *event;
	void *data;
	int events_fd; /* -1: not there */
	struct event_reader *reader;
	struct follow follow;
	bool is_reading; /* more may be there at once */
	ev_io written;
	ev_timer soon;
};

static void leave(struct trail *trail) {
	ev_io_stop(trail->loop, &trail->written);
	ev_timer_stop(trail->loop, &trail->soon);
	event_reader_free(trail->reader);
	trail->reader = NULL;
	follow_deinit(&trail->follow);
	close_fd(&trail->events_fd);
}

static int open_events(int *ret_fd, const char *state) {
	CLEANUP(close_fd) int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (state_fd < 0)
		return -errno;
	fd = openat(state_fd, EVENTS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* It was removed and made anew. */
static bool is_replaced(const struct trail *trail, int fd) {
	struct stat here, there;

	return fstat(trail->events_fd, &here) < 0 || fstat(fd, &there) < 0 ||
	       here.st_ino != there.st_ino || here.st_dev != there.st_dev;
}

static void enter(struct trail *trail, int fd) {
	leave(trail);
	trail->event(trail->data, (struct bytes){0});
	trail->events_fd = fd;
	if (event_reader_new(&trail->reader, fd, clock_real_us() - SINCE_US, TIME_MAX) < 0) {
		trail->reader = NULL;
		close_fd(&trail->events_fd);
		return;
	}
	follow_init(&trail->follow, fd);
	trail->is_reading = true;
	if (trail->follow.fd < 0)
		return;
	ev_io_set(&trail->written, trail->follow.fd, EV_READ);
	ev_io_start(trail->loop, &trail->written);
}

static void look_soon(struct trail *trail, double after_s) {
	if (ev_is_active(&trail->soon))
		return;
	ev_timer_set(&trail->soon, after_s, 0.);
	ev_timer_start(trail->loop, &trail->soon);
}

/* What is no document is for `log verify` to tell of. */
static void read_part(struct trail *trail) {
	struct piece piece;
	int found = 0;

	for (int i = 0; i < PART && (found = event_reader_next(&piece, trail->reader)) != 0; i++)
		if (found == 1 && piece.kind == PIECE_DOCUMENT)
			trail->event(trail->data, piece.bytes);
	trail->is_reading = found != 0;
	if (trail->is_reading)
		look_soon(trail, 0.);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct trail *trail = watcher->data;

	(void)loop, (void)revents;
	if (trail->reader != NULL && trail->is_reading)
		read_part(trail);
	else
		trail_look(trail);
}

static void on_written(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct trail *trail = watcher->data;
	uint8_t events[4096];

	(void)loop, (void)revents;
	while (read(trail->follow.fd, events, sizeof(events)) > 0)
		;
	look_soon(trail, BURST_S);
}

bool trail_look(struct trail *trail) {
	CLEANUP(close_fd) int fd = -1;

	if (open_events(&fd, trail->state) < 0)
		return trail->follow.fd >= 0;
	if (trail->events_fd < 0 || is_replaced(trail, fd))
		enter(trail, take_fd(&fd));
	else if (!trail->is_reading && event_reader_again(trail->reader) == 0)
		trail->is_reading = true;
	if (trail->reader != NULL && trail->is_reading && !ev_is_active(&trail->soon))
		read_part(trail);
	return trail->follow.fd >= 0;
}

int trail_new(struct trail **ret, struct ev_loop *loop, const char *state, trail_event *event,
              void *data) {
	struct trail *trail = calloc(1, sizeof(*trail));

	if (trail == NULL)
		return -ENOMEM;
	*trail = (struct trail){
		.loop = loop, .event = event, .data = data, .events_fd = -1, .follow.fd = -1};
	ev_init(&trail->written, on_written);
	ev_timer_init(&trail->soon, on_soon, 0., 0.);
	trail->written.data = trail->soon.data = trail;
	trail->state = strdup(state);
	if (trail->state == NULL) {
		trail_free(trail);
		return -ENOMEM;
	}
	*ret = trail;
	return 0;
}

void trail_free(struct trail *trail) {
	if (trail == NULL)
		return;
	leave(trail);
	free(trail->state);
	free(trail);
}
