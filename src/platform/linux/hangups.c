/* A second epoll set, for the one event that is reported without being asked for: epoll_ctl(2). */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "platform/platform.h"

struct hangups {
	int fd;
};

int hangups_new(struct hangups **ret) {
	CLEANUP(close_fd) int fd = epoll_create1(EPOLL_CLOEXEC);
	struct hangups *hangups;

	if (fd < 0)
		return -errno;
	hangups = malloc(sizeof(*hangups));
	if (hangups == NULL)
		return -ENOMEM;
	hangups->fd = take_fd(&fd);
	*ret = hangups;
	return 0;
}

void hangups_free(struct hangups *hangups) {
	if (hangups == NULL)
		return;
	close_fd(&hangups->fd);
	free(hangups);
}

int hangups_fd(const struct hangups *hangups) {
	return hangups->fd;
}

int hangups_add(struct hangups *hangups, int socket_fd, void *data) {
	/* EPOLLHUP and EPOLLERR come always; a half-closed peer is EPOLLRDHUP, which does not. */
	struct epoll_event event = {.events = EPOLLONESHOT, .data.ptr = data};

	return epoll_ctl(hangups->fd, EPOLL_CTL_ADD, socket_fd, &event) < 0 ? -errno : 0;
}

/* One at a time, so that nothing that was closed meanwhile can come from a batch of before. */
void *hangups_next(struct hangups *hangups) {
	struct epoll_event event;

	return epoll_wait(hangups->fd, &event, 1, 0) == 1 ? event.data.ptr : NULL;
}
