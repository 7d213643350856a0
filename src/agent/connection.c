#include "agent/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/exchange.h"
#include "base/clock.h"
#include "base/diag.h"
#include "caller/caller.h"
#include "wire/message.h"
#include "wire/session.h"

#define CHUNK_LEN    16384
#define MESSAGES_MAX 16 /* served in one turn of the loop, so that others get theirs */

enum phase {
	PHASE_READING,   /* there is no whole message */
	PHASE_SERVING,   /* one is on its way; nothing is read */
	PHASE_ANSWERING, /* its answer is; nothing is read */
	PHASE_CLOSED,
};

struct connection {
	struct guard *guard;
	struct connection *next, *previous;
	char *endpoint;
	int fd;
	ev_io readable, writable;
	ev_timer stall; /* half a message, or an answer that is not taken */
	ev_timer turn;  /* there is more to serve, in the loop's next turn */
	enum phase phase;
	bool pumping;
	bool gone;

	/* All of input but the first message comes from writer: it is only read while there is no
	 * whole message, so a new writer's bytes can only complete a message (then mixed) and bring
	 * others of his own. */
	struct buffer input;
	struct peer writer;
	bool mixed;
	struct peer connector; /* without its pidfd, where something else tells it apart */

	size_t message_len; /* of the message being served, at the front of input */
	struct exchange *exchange;
	struct upstream_link *link;
	struct session session;
	struct buffer output;
};

static void connection_unlink(struct connection *connection) {
	struct guard *guard = connection->guard;

	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		guard->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	guard->n_connections--;
	if (guard->on_room != NULL)
		guard->on_room(guard->on_room_data);
}

static void connection_free(struct connection *connection) {
	peer_deinit(&connection->connector);
	buffer_deinit(&connection->input);
	buffer_deinit(&connection->output);
	peer_deinit(&connection->writer);
	session_deinit(&connection->session);
	free(connection->endpoint);
	free(connection);
}

/* The memory itself lives on while connection_pump() is at work on it. */
static void connection_close(struct connection *connection) {
	struct ev_loop *loop = connection->guard->loop;

	if (connection->phase == PHASE_CLOSED)
		return;
	connection->phase = PHASE_CLOSED;
	ev_io_stop(loop, &connection->readable);
	ev_io_stop(loop, &connection->writable);
	ev_timer_stop(loop, &connection->stall);
	ev_timer_stop(loop, &connection->turn);
	close_fd(&connection->fd);
	exchange_free(TAKE(connection->exchange));
	upstream_link_free(TAKE(connection->link));
	connection_unlink(connection);
	if (!connection->pumping)
		connection_free(connection);
}

/* Counts from the first call: a client that trickles gains no time. */
static void connection_stall_after(struct connection *connection, double seconds) {
	if (ev_is_active(&connection->stall))
		return;
	ev_timer_set(&connection->stall, seconds, 0.);
	ev_timer_start(connection->guard->loop, &connection->stall);
}

/* A message that cannot be followed any further: the connection ends, and an event says why. */
static void connection_refuse(struct connection *connection, const char *reason,
                              const char *detail) {
	struct caller *caller = NULL;
	struct request request = {.endpoint = connection->endpoint};
	struct event event = {
		.real_us = clock_real_us(),
		.trigger = "malformed",
		.decision = "deny",
		.reason = reason,
		.detail = detail,
		.request = &request,
		.config_sha256 = policy_sha256(connection->guard->policy),
	};

	/* The kernel's word on the writer must do: no more is worth reading for this. */
	if (caller_new_unknown(&caller, &connection->writer, reason) == 0) {
		int error;

		request.caller = caller;
		error = guard_event(connection->guard, &event);
		(void)error;
	}
	caller_free(caller);
	connection->guard->refusals++;
	connection_close(connection);
}

static void connection_pump(struct connection *connection);

static void connection_answered(struct connection *connection) {
	buffer_deinit(&connection->output);
	buffer_drop(&connection->input, connection->message_len);
	connection->message_len = 0;
	connection->mixed = false;
	ev_timer_stop(connection->guard->loop, &connection->stall);
	connection->phase = PHASE_READING;
	connection_pump(connection);
}

static void connection_write(struct connection *connection) {
	struct buffer *output = &connection->output;

	while (output->len > 0) {
		ssize_t len = send(connection->fd, output->data, output->len,
		                   MSG_NOSIGNAL | MSG_DONTWAIT);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN) {
			ev_io_start(connection->guard->loop, &connection->writable);
			connection_stall_after(connection, STUCK_ANSWER_S);
			return;
		}
		if (len < 0) {
			connection_close(connection);
			return;
		}
		buffer_drop(output, (size_t)len);
	}
	ev_io_stop(connection->guard->loop, &connection->writable);
	connection_answered(connection);
}

static void on_exchanged(void *data, struct bytes answer) {
	struct connection *connection = data;

	if (answer.len > 0) {
		buffer_put_string(&connection->output, answer);
		if (buffer_error(&connection->output) < 0)
			answer.len = 0;
	}
	exchange_free(TAKE(connection->exchange));
	if (answer.len == 0) {
		connection_close(connection);
		return;
	}
	connection->phase = PHASE_ANSWERING;
	connection_write(connection);
}

static void connection_serve(struct connection *connection, size_t len) {
	struct exchange_input input = {
		.guard = connection->guard,
		.endpoint = connection->endpoint,
		.connector = &connection->connector,
		.writer = &connection->writer,
		.mixed = connection->mixed,
		.session = &connection->session,
		.message = {connection->input.data, len},
	};

	ev_io_stop(connection->guard->loop, &connection->readable);
	ev_timer_stop(connection->guard->loop, &connection->stall);
	connection->phase = PHASE_SERVING;
	connection->message_len = len;
	if (connection->link == NULL &&
	    upstream_link_new(&connection->link, connection->guard->loop,
	                      &connection->guard->upstream) < 0) {
		connection_close(connection);
		return;
	}
	input.link = connection->link;
	if (exchange_new(&connection->exchange, &input, on_exchanged, connection) < 0) {
		connection_close(connection);
		return;
	}
	if (connection->gone)
		exchange_client_gone(connection->exchange);
	exchange_start(connection->exchange);
}

static void connection_await(struct connection *connection) {
	/* An idle connection costs little more than its struct. */
	if (connection->input.len == 0) {
		buffer_deinit(&connection->input);
		peer_deinit(&connection->writer);
	} else {
		connection_stall_after(connection, HALF_MESSAGE_S);
	}
	ev_io_start(connection->guard->loop, &connection->readable);
}

/* Serves what is whole. Answers may come before connection_serve() returns, so this is a loop and
 * no recursion: connection_answered() finds it at work and leaves the rest to it. */
static void connection_pump(struct connection *connection) {
	if (connection->pumping)
		return;
	connection->pumping = true;
	for (int served = 0; connection->phase == PHASE_READING; served++) {
		size_t len = 0;

		if (message_length(&len, buffer_bytes(&connection->input)) < 0) {
			connection_refuse(connection, "too-large",
			                  "a message is empty or longer than 256 KiB");
			break;
		}
		if (len == 0 || connection->input.len < len) {
			connection_await(connection);
			break;
		}
		if (served == MESSAGES_MAX) {
			ev_io_stop(connection->guard->loop, &connection->readable);
			ev_timer_set(&connection->turn, 0., 0.);
			ev_timer_start(connection->guard->loop, &connection->turn);
			break;
		}
		connection_serve(connection, len);
	}
	connection->pumping = false;
	if (connection->phase == PHASE_CLOSED)
		connection_free(connection);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct connection *connection = watcher->data;
	CLEANUP(peer_deinit) struct peer writer = {.pidfd = -1};
	uint8_t chunk[CHUNK_LEN];
	size_t len = 0;
	int error = platform_read(&writer, connection->fd, chunk, sizeof(chunk), &len);

	(void)loop, (void)revents;
	if (error == -EAGAIN || error == -EINTR)
		return;
	if (error < 0 || len == 0) {
		connection_close(connection);
		return;
	}
	if (connection->input.len > 0 && !peer_same(&connection->writer, &writer))
		connection->mixed = true;
	peer_deinit(&connection->writer);
	connection->writer = writer;
	writer = (struct peer){.pidfd = -1};
	buffer_put_raw(&connection->input, (struct bytes){chunk, len});
	if (buffer_error(&connection->input) < 0) {
		connection_close(connection);
		return;
	}
	connection_pump(connection);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	connection_write(watcher->data);
}

static void on_stall(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct connection *connection = watcher->data;

	(void)loop, (void)revents;
	if (connection->phase == PHASE_READING)
		connection_refuse(connection, "malformed", "the message was never finished");
	else
		connection_close(connection);
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	connection_pump(watcher->data);
}

static void connection_watch(struct connection *connection) {
	ev_io_init(&connection->readable, on_readable, connection->fd, EV_READ);
	ev_io_init(&connection->writable, on_writable, connection->fd, EV_WRITE);
	ev_init(&connection->stall, on_stall);
	ev_init(&connection->turn, on_turn);
	connection->readable.data = connection->writable.data = connection;
	connection->stall.data = connection->turn.data = connection;
	ev_io_start(connection->guard->loop, &connection->readable);
}

int connection_new(struct guard *guard, int fd, const char *endpoint) {
	CLEANUP(close_fd) int owned = fd;
	struct connection *connection = calloc(1, sizeof(*connection));
	int error;

	if (connection == NULL)
		return -ENOMEM;
	connection->endpoint = strdup(endpoint);
	error = connection->endpoint != NULL ? hangups_add(guard->hangups, fd, connection)
	                                     : -ENOMEM;
	if (error < 0) {
		free(connection->endpoint);
		free(connection);
		return error;
	}
	connection->guard = guard;
	connection->writer.pidfd = -1;
	connection->connector = PEER_UNKNOWN;
	if (platform_connector(&connection->connector, fd) == 0 &&
	    connection->connector.unique != 0)
		close_fd(&connection->connector.pidfd);
	connection->fd = take_fd(&owned);
	connection_watch(connection);
	connection->next = guard->connections;
	if (connection->next != NULL)
		connection->next->previous = connection;
	guard->connections = connection;
	guard->n_connections++;
	return 0;
}

void connections_hung_up(struct guard *guard) {
	for (;;) {
		struct connection *connection = hangups_next(guard->hangups);

		if (connection == NULL)
			return;
		connection->gone = true;
		switch (connection->phase) {
		case PHASE_READING: break; /* what it wrote before is read first, then its end */
		case PHASE_SERVING: exchange_client_gone(connection->exchange); break;
		case PHASE_ANSWERING: connection_close(connection); break;
		case PHASE_CLOSED: break;
		}
	}
}

void connections_end(struct guard *guard) {
	for (struct connection *connection = guard->connections, *next; connection != NULL;
	     connection = next) {
		next = connection->next;
		if (connection->phase == PHASE_SERVING)
			exchange_cancel(connection->exchange);
		else
			connection_close(connection);
	}
}
