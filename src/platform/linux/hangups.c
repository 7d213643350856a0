/*
 * An epoll instance that asks for no event at all: EPOLLHUP and EPOLLERR are always told.
 *
 * The kernel drops a socket from it only when the last descriptor of it is closed, and a child
 * that was forked meanwhile may still hold one. So an event is believed only while the descriptor
 * that was added is still open and still that socket (SO_COOKIE): the pointer of a connection that
 * has closed its descriptor is never given out.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "platform/hangup_table.h"
#include "platform/platform.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

struct hangups {
	int epoll_fd;
	struct hangup_table table;
};

int hangups_new(struct hangups **ret) {
	struct hangups *hangups = calloc(1, sizeof(*hangups));

	if (hangups == NULL)
		return -ENOMEM;
	hangups->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (hangups->epoll_fd < 0) {
		int error = -errno;

		free(hangups);
		return error;
	}
	*ret = hangups;
	return 0;
}

void hangups_free(struct hangups *hangups) {
	if (hangups == NULL)
		return;
	close_fd(&hangups->epoll_fd);
	hangup_table_deinit(&hangups->table);
	free(hangups);
}

int hangups_fd(const struct hangups *hangups) {
	return hangups->epoll_fd;
}

static int socket_cookie(uint64_t *ret, int socket_fd) {
	socklen_t len = sizeof(*ret);

	return getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, ret, &len) < 0 ? -errno : 0;
}

int hangups_add(struct hangups *hangups, int socket_fd, void *data) {
	struct epoll_event event = {.events = EPOLLONESHOT};
	struct hangup_entry before;
	uint32_t generation = 0;
	uint64_t cookie;
	int error = socket_cookie(&cookie, socket_fd);

	/* First the entry: a socket that has hung up already is told at once. */
	if (error == 0)
		error = hangup_table_put(&generation, &before, &hangups->table, socket_fd, cookie,
		                         data);
	if (error < 0)
		return error;
	event.data.u64 = (uint64_t)generation << 32 | (uint32_t)socket_fd;
	if (epoll_ctl(hangups->epoll_fd, EPOLL_CTL_ADD, socket_fd, &event) == 0)
		return 0;
	error = -errno;
	hangup_table_put_back(&hangups->table, socket_fd, &before);
	return error;
}

static void *take(struct hangups *hangups, uint64_t key) {
	int socket_fd = (int)(uint32_t)key;
	uint64_t cookie;

	if (socket_cookie(&cookie, socket_fd) < 0)
		return NULL;
	return hangup_table_take(&hangups->table, socket_fd, (uint32_t)(key >> 32), cookie);
}

void *hangups_next(struct hangups *hangups) {
	struct epoll_event event;

	while (epoll_wait(hangups->epoll_fd, &event, 1, 0) == 1) {
		void *data = take(hangups, event.data.u64);

		if (data != NULL)
			return data;
	}
	return NULL;
}
