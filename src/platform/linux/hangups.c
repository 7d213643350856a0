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

#include "platform/platform.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

struct hangup_entry {
	uint64_t cookie;
	uint32_t generation; /* tells it from an earlier socket with the same descriptor */
	void *data;          /* NULL: was given out, or never added */
};

struct hangups {
	int epoll_fd;
	uint32_t generation;
	struct hangup_entry *entries; /* by descriptor */
	size_t n_entries;
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
	free(hangups->entries);
	free(hangups);
}

int hangups_fd(const struct hangups *hangups) {
	return hangups->epoll_fd;
}

static int socket_cookie(uint64_t *ret, int socket_fd) {
	socklen_t len = sizeof(*ret);

	return getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, ret, &len) < 0 ? -errno : 0;
}

static int grow(struct hangups *hangups, size_t needed) {
	size_t n = hangups->n_entries > 0 ? hangups->n_entries : 64;
	struct hangup_entry *entries;

	while (n < needed)
		n *= 2;
	entries = reallocarray(hangups->entries, n, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	for (size_t i = hangups->n_entries; i < n; i++)
		entries[i] = (struct hangup_entry){0};
	hangups->entries = entries;
	hangups->n_entries = n;
	return 0;
}

int hangups_add(struct hangups *hangups, int socket_fd, void *data) {
	struct hangup_entry entry = {.data = data};
	struct epoll_event event = {.events = EPOLLONESHOT};
	int error = socket_cookie(&entry.cookie, socket_fd);
	struct hangup_entry before;
	size_t at = (size_t)socket_fd;

	if (error == 0 && at >= hangups->n_entries)
		error = grow(hangups, at + 1);
	if (error < 0)
		return error;
	entry.generation = ++hangups->generation;
	event.data.u64 = (uint64_t)entry.generation << 32 | (uint32_t)socket_fd;
	/* First the entry: a socket that has hung up already is told at once. */
	before = hangups->entries[at];
	hangups->entries[at] = entry;
	if (epoll_ctl(hangups->epoll_fd, EPOLL_CTL_ADD, socket_fd, &event) == 0)
		return 0;
	error = -errno;
	hangups->entries[at] = before;
	return error;
}

static void *take(struct hangups *hangups, uint64_t key) {
	struct hangup_entry *entry = &hangups->entries[(uint32_t)key];
	void *data = entry->data;
	uint64_t cookie;

	if (entry->generation != key >> 32 || socket_cookie(&cookie, (int)(uint32_t)key) < 0 ||
	    cookie != entry->cookie)
		return NULL;
	entry->data = NULL;
	return data;
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
