#include "log/follow.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>

/* Some file systems report nothing, and of a directory that was replaced nothing comes, too. */
#define LOOK_AGAIN_MS 1000

void follow_init(struct follow *follow, int dir_fd) {
	CLEANUP(close_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[sizeof("/proc/self/fd/-2147483648")];

	follow->fd = -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0)
		follow->fd = take_fd(&fd);
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
