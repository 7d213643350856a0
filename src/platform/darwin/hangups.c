/*
 * A kqueue that waits until something could be written. That can be told at any time; what counts
 * is its mark that nobody reads any more, which a half-closed client, who only stopped to write,
 * does not make. A descriptor leaves the queue when it is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/event.h>
#include <unistd.h>

#include "platform/hangup_table.h"
#include "platform/platform.h"

struct hangups {
	int queue;
	struct hangup_table table;
};

int hangups_new(struct hangups **ret) {
	struct hangups *hangups = calloc(1, sizeof(*hangups));

	if (hangups == NULL)
		return -ENOMEM;
	hangups->queue = kqueue();
	if (hangups->queue < 0 || fcntl(hangups->queue, F_SETFD, FD_CLOEXEC) < 0) {
		int error = -errno;

		hangups_free(hangups);
		return error;
	}
	*ret = hangups;
	return 0;
}

void hangups_free(struct hangups *hangups) {
	if (hangups == NULL)
		return;
	close_fd(&hangups->queue);
	hangup_table_deinit(&hangups->table);
	free(hangups);
}

int hangups_fd(const struct hangups *hangups) {
	return hangups->queue;
}

int hangups_add(struct hangups *hangups, int socket_fd, void *data) {
	struct hangup_entry before;
	uint32_t generation = 0;
	struct kevent change;
	/* First the entry: a socket that has hung up already is told at once. */
	int error = hangup_table_put(&generation, &before, &hangups->table, socket_fd, 0, data);

	if (error < 0)
		return error;
	EV_SET(&change, (uintptr_t)socket_fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0,
	       (void *)(uintptr_t)generation);
	if (kevent(hangups->queue, &change, 1, NULL, 0, NULL) == 0)
		return 0;
	error = -errno;
	hangup_table_put_back(&hangups->table, socket_fd, &before);
	return error;
}

static void *take(struct hangups *hangups, const struct kevent *told) {
	if ((told->flags & EV_EOF) == 0)
		return NULL;
	return hangup_table_take(&hangups->table, (int)told->ident,
	                         (uint32_t)(uintptr_t)told->udata, 0);
}

void *hangups_next(struct hangups *hangups) {
	const struct timespec now = {0};
	struct kevent told;

	while (kevent(hangups->queue, NULL, 0, &told, 1, &now) == 1) {
		void *data = take(hangups, &told);

		if (data != NULL)
			return data;
	}
	return NULL;
}
