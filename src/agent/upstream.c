#include "agent/upstream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "platform/platform.h"
#include "wire/message.h"

#define CHUNK_LEN 8192

enum phase {
	PHASE_IDLE,
	PHASE_CONNECTING, /* the agent's queue is full: tried again by the timer */
	PHASE_REPLAYING,  /* a bind of before is on its way */
	PHASE_ASKING,
};

struct upstream_link {
	struct ev_loop *loop;
	struct upstream_address *address;
	struct upstream_link *next, *previous; /* of the address */
	int fd;                                /* -1 while there is no connection */
	ev_io readable, writable;
	ev_timer deadline, retry;
	enum phase phase;
	bool poisoned;  /* a replayed bind was refused */
	bool fresh;     /* nothing has been answered on this connection yet */
	bool used;      /* there was a connection before */
	bool forgetful; /* a bind could not be kept: a lost connection cannot be made good again */

	/* Each a byte that is 1 once the agent has accepted it, and, as a string, the message with
	 * its length. */
	struct buffer binds;
	size_t n_binds;
	struct cursor replay; /* over binds: those still to be replayed */
	size_t replayed_at;   /* where in binds the one stands that is on its way */

	struct bytes message; /* borrowed: what was asked */
	struct bytes sending; /* what of it, or of a bind, is still unsent */
	bool sent;
	struct buffer answer;
	upstream_done *done;
	void *data;
};

static void link_disconnect(struct upstream_link *link) {
	ev_io_stop(link->loop, &link->readable);
	ev_io_stop(link->loop, &link->writable);
	close_fd(&link->fd);
	buffer_deinit(&link->answer);
}

static void link_finish(struct upstream_link *link, int error, struct bytes answer) {
	upstream_done *done = link->done;

	ev_timer_stop(link->loop, &link->deadline);
	ev_timer_stop(link->loop, &link->retry);
	link->phase = PHASE_IDLE;
	link->message = link->sending = (struct bytes){0};
	link->done = NULL;
	done(link->data, error, answer);
}

static void link_fail(struct upstream_link *link, int error) {
	link_disconnect(link);
	link_finish(link, error, (struct bytes){0});
}

static void link_connect(struct upstream_link *link);

/* An agent that restarted has closed a connection that looked open. Where it can have seen nothing
 * of the request, asking the new one is safe. */
static void link_lost(struct upstream_link *link) {
	bool retry = !link->sent && !link->fresh;

	link_disconnect(link);
	if (link->phase == PHASE_IDLE)
		return;
	if (retry)
		link_connect(link);
	else
		link_finish(link, -ECONNRESET, (struct bytes){0});
}

static void link_send(struct upstream_link *link) {
	while (link->sending.len > 0) {
		ssize_t len = send(link->fd, link->sending.data, link->sending.len,
		                   MSG_NOSIGNAL | MSG_DONTWAIT);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN) {
			ev_io_start(link->loop, &link->writable);
			return;
		}
		if (len < 0) {
			link_lost(link);
			return;
		}
		link->sent = link->sent || link->phase == PHASE_ASKING;
		link->sending.data += len;
		link->sending.len -= (size_t)len;
	}
	ev_io_stop(link->loop, &link->writable);
}

/* Sends the next bind of before, or what was asked once there is none left. */
static void link_proceed(struct upstream_link *link) {
	buffer_deinit(&link->answer);
	if (link->replay.rest.len > 0) {
		link->phase = PHASE_REPLAYING;
		link->replayed_at = link->binds.len - link->replay.rest.len;
		cursor_u8(&link->replay);
		link->sending = cursor_string(&link->replay);
	} else {
		link->phase = PHASE_ASKING;
		link->sending = link->message;
	}
	link_send(link);
}

bool upstream_asks_us(struct upstream_address *address, const struct peer *writer,
                      struct bytes message) {
	struct peer same = *writer;

	/* A guard that is installed setgid listens with one group, and writes with another. */
	same.gid = address->listener.gid;
	if (!peer_same(&address->listener, &same))
		return false;
	/* That alone may be a program that is an agent, and has a use for one as well. */
	for (const struct upstream_link *link = address->links; link != NULL; link = link->next)
		if (link->message.len > 0 && bytes_equal(link->message, message)) {
			address->loops = true;
			return true;
		}
	return false;
}

/* Takes it over. */
static void note_listener(struct upstream_address *address, struct peer *listener) {
	if (!peer_same(&address->listener, listener))
		address->loops = false;
	peer_deinit(&address->listener);
	address->listener = *listener;
	*listener = PEER_UNKNOWN;
	if (address->listener.unique != 0)
		close_fd(&address->listener.pidfd);
}

static int upstream_socket(struct upstream_address *address) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(peer_deinit) struct peer listener = PEER_UNKNOWN;
	int error = platform_socket(&fd, false);

	if (error < 0)
		return error;
	if (connect(fd, (const struct sockaddr *)&address->socket, sizeof(address->socket)) < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNREFUSED;
	if (platform_connector(&listener, fd) == 0)
		note_listener(address, &listener);
	/* Ourselves as our own upstream would ask ourselves, and so on until descriptors end. */
	if (address->listener.known && address->listener.pid == getpid()) {
		address->loops = true;
		return -ELOOP;
	}
	return take_fd(&fd);
}

static void link_connect(struct upstream_link *link) {
	int fd;

	if (link->used && link->forgetful)
		link->poisoned = true;
	if (link->poisoned) {
		link_fail(link, -EACCES);
		return;
	}
	fd = link->address->down ? -ECONNREFUSED : upstream_socket(link->address);
	if (fd == -EAGAIN) {
		link->phase = PHASE_CONNECTING;
		ev_timer_set(&link->retry, CONNECT_RETRY_MS / 1000., 0.);
		ev_timer_start(link->loop, &link->retry);
		return;
	}
	if (fd < 0) {
		link_fail(link, fd == -ECONNREFUSED || fd == -ELOOP ? fd : -ECONNRESET);
		return;
	}
	link->fd = fd;
	link->fresh = link->used = true;
	link->replay = cursor_over(buffer_bytes(&link->binds));
	ev_io_set(&link->readable, fd, EV_READ);
	ev_io_set(&link->writable, fd, EV_WRITE);
	ev_io_start(link->loop, &link->readable);
	link_proceed(link);
}

/* A bind of before was answered. */
static void link_replayed(struct upstream_link *link, struct bytes answer) {
	uint8_t *accepted = &link->binds.data[link->replayed_at];

	if (answer.data[0] == AGENT_SUCCESS)
		*accepted = 1;
	if (answer.data[0] == AGENT_SUCCESS || *accepted == 0) {
		link_proceed(link);
		return;
	}
	link->poisoned = true;
	link_fail(link, -EACCES);
}

static void link_answered(struct upstream_link *link) {
	/* Ours until we return: the callback may ask anew, or end this link. */
	CLEANUP(buffer_deinit) struct buffer taken = link->answer;
	struct bytes answer = {taken.data + MESSAGE_HEADER, taken.len - MESSAGE_HEADER};
	bool replayed = link->phase == PHASE_REPLAYING;
	uint8_t asked = replayed ? AGENT_EXTENSION : link->message.data[MESSAGE_HEADER];

	link->answer = (struct buffer){0};
	if (!answer_fits(answer, asked)) {
		link_fail(link, -EPROTO);
		return;
	}
	link->fresh = false;
	if (replayed)
		link_replayed(link, answer);
	else
		link_finish(link, 0, answer);
}

/* Whether the answer is whole; -EPROTO where it can never be one. */
static int link_answer_is_whole(const struct upstream_link *link) {
	size_t len = 0;
	int error = message_length(&len, buffer_bytes(&link->answer));

	if (error < 0 || (len > 0 && link->answer.len > len))
		return -EPROTO;
	return len > 0 && link->answer.len == len;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct upstream_link *link = watcher->data;
	uint8_t chunk[CHUNK_LEN];
	ssize_t len = recv(link->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	int whole;

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		link_lost(link);
		return;
	}
	/* Nobody asked, or the question is not out yet: whatever that is, it is no answer. */
	if (link->phase == PHASE_IDLE) {
		link_disconnect(link);
		return;
	}
	if (link->sending.len > 0) {
		link_fail(link, -EPROTO);
		return;
	}
	buffer_put_raw(&link->answer, (struct bytes){chunk, (size_t)len});
	whole = buffer_error(&link->answer) < 0 ? -EPROTO : link_answer_is_whole(link);
	if (whole < 0)
		link_fail(link, whole);
	else if (whole > 0)
		link_answered(link);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	link_send(watcher->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	link_fail(watcher->data, -ETIMEDOUT);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	link_connect(watcher->data);
}

int upstream_link_new(struct upstream_link **ret, struct ev_loop *loop,
                      struct upstream_address *address) {
	struct upstream_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return -ENOMEM;
	link->loop = loop;
	link->address = address;
	link->fd = -1;
	ev_init(&link->readable, on_readable);
	ev_init(&link->writable, on_writable);
	ev_init(&link->deadline, on_deadline);
	ev_init(&link->retry, on_retry);
	link->readable.data = link->writable.data = link;
	link->deadline.data = link->retry.data = link;
	link->next = address->links;
	if (link->next != NULL)
		link->next->previous = link;
	address->links = link;
	*ret = link;
	return 0;
}

void upstream_link_free(struct upstream_link *link) {
	if (link == NULL)
		return;
	if (link->previous != NULL)
		link->previous->next = link->next;
	else
		link->address->links = link->next;
	if (link->next != NULL)
		link->next->previous = link->previous;
	link_disconnect(link);
	ev_timer_stop(link->loop, &link->deadline);
	ev_timer_stop(link->loop, &link->retry);
	buffer_deinit(&link->binds);
	free(link);
}

void upstream_link_request(struct upstream_link *link, struct bytes message, double timeout_s,
                           upstream_done *done, void *data) {
	assert(link->phase == PHASE_IDLE && message.len > MESSAGE_HEADER);
	link->message = message;
	link->sent = false;
	link->done = done;
	link->data = data;
	link->phase = PHASE_CONNECTING;
	/* ev_now() is the time of this turn of the loop, which is exact enough here. */
	ev_timer_set(&link->deadline, timeout_s, 0.);
	ev_timer_start(link->loop, &link->deadline);
	if (link->fd < 0 || link->poisoned)
		link_connect(link);
	else
		link_proceed(link);
}

bool upstream_link_has_sent(const struct upstream_link *link) {
	return link->sent;
}

void upstream_link_keep_bind(struct upstream_link *link, struct bytes message, bool accepted) {
	struct cursor known = cursor_over(buffer_bytes(&link->binds));

	while (known.rest.len > 0) {
		size_t at = link->binds.len - known.rest.len;

		cursor_u8(&known);
		if (!bytes_equal(cursor_string(&known), message))
			continue;
		link->binds.data[at] |= accepted;
		return;
	}
	if (link->n_binds < BINDS_MAX && link->binds.len + message.len <= BINDS_LEN_MAX) {
		buffer_put_u8(&link->binds, accepted);
		buffer_put_string(&link->binds, message);
	} else {
		link->forgetful = true;
	}
	if (buffer_error(&link->binds) < 0)
		link->forgetful = true;
	link->n_binds++;
}
