#include "log/follow.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>

#include "platform/platform.h"

/* Some file systems report nothing, and of a directory that was replaced nothing comes, too. */
#define LOOK_AGAIN_MS 1000

void follow_init(struct follow *follow, int dir_fd) {
	follow->fd = -1;
	if (platform_watch_writing(&follow->fd, dir_fd) < 0)
		follow->fd = -1;
}

void follow_deinit(struct follow *follow) {
	close_fd(&follow->fd);
}

/* What changed is seen by looking. */
static void drain(int fd) {
	uint8_t events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

int follow_wait(struct follow *follow, int out_fd) {
	/* No events are asked for of the second: an end or error of it is told all the same. */
	struct pollfd polled[] = {{.fd = follow->fd, .events = POLLIN}, {.fd = out_fd}};

	if (poll(polled, 2, LOOK_AGAIN_MS) < 0)
		return -errno;
	if ((polled[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		return 0;
	if (follow->fd >= 0)
		drain(follow->fd);
	return 1;
}
