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

#include "base/array.h"
#include "platform/platform.h"

struct hangup_entry {
	uint32_t generation; /* tells it from an earlier socket with the same descriptor */
	void *data;          /* NULL: was given out, or never added */
};

struct hangups {
	int queue;
	uint32_t generation;
	struct hangup_entry *entries; /* by descriptor */
	size_t n_entries;
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
	free(hangups->entries);
	free(hangups);
}

int hangups_fd(const struct hangups *hangups) {
	return hangups->queue;
}

static int grow(struct hangups *hangups, size_t needed) {
	size_t n = hangups->n_entries > 0 ? hangups->n_entries : 64;
	struct hangup_entry *entries;

	while (n < needed)
		n *= 2;
	entries = array_resize(hangups->entries, n, sizeof(*entries));
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
	struct hangup_entry before;
	size_t at = (size_t)socket_fd;
	struct kevent change;
	int error = at < hangups->n_entries ? 0 : grow(hangups, at + 1);

	if (error < 0)
		return error;
	entry.generation = ++hangups->generation;
	/* First the entry: a socket that has hung up already is told at once. */
	before = hangups->entries[at];
	hangups->entries[at] = entry;
	EV_SET(&change, (uintptr_t)socket_fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0,
	       (void *)(uintptr_t)entry.generation);
	if (kevent(hangups->queue, &change, 1, NULL, 0, NULL) == 0)
		return 0;
	error = -errno;
	hangups->entries[at] = before;
	return error;
}

static void *take(struct hangups *hangups, const struct kevent *told) {
	struct hangup_entry *entry = &hangups->entries[told->ident];
	void *data = entry->data;

	if ((told->flags & EV_EOF) == 0 || entry->generation != (uint32_t)(uintptr_t)told->udata)
		return NULL;
	entry->data = NULL;
	return data;
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
