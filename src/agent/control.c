#include "agent/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control_parts.h"
#include "base/diag.h"
#include "base/secret.h"
#include "platform/platform.h"

#define CLIENT_BACKLOG 16
#define ACCEPT_RETRY_S 1. /* while descriptors are short */

struct client {
	struct control *control;
	struct client *next;
	int fd;
	ev_io io;
	ev_timer timer;
	uint64_t call;  /* 0: none is being answered */
	bool is_served; /* its handler has not returned yet */
	struct peer writer;
	char *request; /* CONTROL_REQUEST_MAX bytes; it may hold a PIN */
	bool is_locked;
	size_t request_len;
	struct buffer answer;
	bool stay;
};

struct control {
	struct ev_loop *loop;
	control_handler *handler;
	void *data;
	char *path;
	int fd;
	struct stat own; /* of its name */
	ev_io acceptable;
	ev_stat place;
	ev_timer retry;
	struct client *clients;
	unsigned n_clients;
	uint64_t last_call;
};

int control_address(struct sockaddr_un *ret, const char *path) {
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

/* The socket is 0600 in a private directory; this is for the day somebody widens that. */
bool control_is_allowed(int fd) {
	CLEANUP(peer_deinit) struct peer peer = {.pidfd = -1};

	return platform_connector(&peer, fd) == 0 && peer.known &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

/* What was asked, once it has been answered. */
static void client_forget(struct client *client) {
	if (client->is_locked) {
		secret_free(client->request, CONTROL_REQUEST_MAX);
	} else if (client->request != NULL) {
		secret_wipe(client->request, CONTROL_REQUEST_MAX);
		free(client->request);
	}
	client->request = NULL;
	client->is_locked = false;
}

static void client_free(struct client *client) {
	struct control *control = client->control;

	for (struct client **link = &control->clients; *link != NULL; link = &(*link)->next)
		if (*link == client) {
			*link = client->next;
			break;
		}
	control->n_clients--;
	ev_io_start(control->loop, &control->acceptable);
	ev_io_stop(control->loop, &client->io);
	ev_timer_stop(control->loop, &client->timer);
	close_fd(&client->fd);
	buffer_deinit(&client->answer);
	peer_deinit(&client->writer);
	client_forget(client);
	free(client);
}

static void client_write(struct client *client) {
	while (client->answer.len > 0) {
		ssize_t len = send(client->fd, client->answer.data, client->answer.len,
		                   MSG_NOSIGNAL | MSG_DONTWAIT);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0) {
			client_free(client);
			return;
		}
		buffer_drop(&client->answer, (size_t)len);
	}
	if (!client->stay) {
		client_free(client);
		return;
	}
	ev_io_stop(client->control->loop, &client->io);
	ev_timer_stop(client->control->loop, &client->timer);
}

static const char *first_line(enum control_result result) {
	switch (result) {
	case CONTROL_OK:
	case CONTROL_OK_STAY: return "ok\n";
	case CONTROL_AGAIN: return "again\n";
	case CONTROL_FAILED:
	case CONTROL_LATER: break;
	}
	return "failed\n";
}

static void client_put_answer(struct client *client, enum control_result result,
                              struct bytes text) {
	client->call = 0;
	client->stay = result == CONTROL_OK_STAY;
	buffer_put_raw(&client->answer, bytes_of_text(first_line(result)));
	buffer_put_raw(&client->answer, text);
}

static void client_send(struct client *client) {
	ev_io_stop(client->control->loop, &client->io);
	ev_io_set(&client->io, client->fd, EV_WRITE);
	ev_io_start(client->control->loop, &client->io);
	ev_timer_stop(client->control->loop, &client->timer);
	ev_timer_set(&client->timer, CONTROL_TIMEOUT_S, 0.);
	ev_timer_start(client->control->loop, &client->timer);
	client_write(client);
}

static void client_serve(struct client *client) {
	struct control *control = client->control;
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct control_call call = {++control->last_call, client->request, &client->writer,
	                            client->is_locked};
	enum control_result result;

	ev_io_stop(control->loop, &client->io);
	client->call = call.id;
	client->is_served = true;
	result = control->handler(control->data, &call, &text);
	client->is_served = false;
	client_forget(client);
	if (result == CONTROL_LATER && client->call != 0) {
		ev_timer_stop(control->loop, &client->timer);
		/* Who does not wait any more takes no place. */
		ev_io_start(control->loop, &client->io);
		return;
	}
	if (client->call != 0)
		client_put_answer(client, result, buffer_bytes(&text));
	client_send(client);
}

void control_tell_who(char ret[static CONTROL_WHO_SIZE], const struct control_call *call) {
	if (call->writer->known)
		snprintf(ret, CONTROL_WHO_SIZE, "by process %ld", (long)call->writer->pid);
	else
		snprintf(ret, CONTROL_WHO_SIZE, "by an unknown process");
}

enum control_result control_failed(struct buffer *answer, const char *text) {
	buffer_put_raw(answer, bytes_of_text(text));
	return CONTROL_FAILED;
}

enum control_result control_later_unless(const char *why_not, struct buffer *answer) {
	return why_not == NULL ? CONTROL_LATER : control_failed(answer, why_not);
}

void control_answer(struct control *control, uint64_t call, enum control_result result,
                    struct bytes text) {
	for (struct client *client = control->clients; client != NULL; client = client->next)
		if (client->call == call) {
			client_put_answer(client, result, text);
			if (!client->is_served)
				client_send(client);
			return;
		}
}

/* It has said all that it may, so that what comes now is its end, or out of turn. */
static void client_waits(struct client *client) {
	uint8_t byte;
	ssize_t len = recv(client->fd, &byte, sizeof(byte), MSG_DONTWAIT);

	if (len >= 0 || (errno != EAGAIN && errno != EINTR))
		client_free(client);
}

static void client_read(struct client *client) {
	CLEANUP(peer_deinit) struct peer writer = PEER_UNKNOWN;
	size_t len = 0;
	int error = platform_read(&writer, client->fd, client->request + client->request_len,
	                          CONTROL_REQUEST_MAX - 1 - client->request_len, &len);
	char *end;

	if (error == -EAGAIN || error == -EINTR)
		return;
	/* Half of it from somebody else is nobody's request. */
	if (error < 0 || len == 0 ||
	    (client->request_len > 0 && !peer_same(&client->writer, &writer))) {
		client_free(client);
		return;
	}
	peer_deinit(&client->writer);
	client->writer = writer;
	writer = PEER_UNKNOWN;
	client->request_len += len;
	client->request[client->request_len] = '\0';
	end = strchr(client->request, '\n');
	if (end != NULL) {
		*end = '\0';
		client_serve(client);
	} else if (client->request_len == CONTROL_REQUEST_MAX - 1) {
		client_free(client);
	}
}

static void on_client(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop;
	if ((revents & EV_WRITE) != 0)
		client_write(watcher->data);
	else if (((struct client *)watcher->data)->call != 0)
		client_waits(watcher->data);
	else
		client_read(watcher->data);
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	client_free(watcher->data);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct control *control = watcher->data;
	CLEANUP(close_fd) int fd = -1;
	struct client *client;
	int error = platform_accept(&fd, control->fd);

	(void)revents;
	/* Without a descriptor for whoever is at the door the loop would come here again and again.
	 */
	if (error < 0 && error != -EAGAIN && error != -EINTR && error != -ECONNABORTED) {
		ev_io_stop(loop, &control->acceptable);
		ev_timer_set(&control->retry, ACCEPT_RETRY_S, 0.);
		ev_timer_start(loop, &control->retry);
	}
	if (error < 0 || !control_is_allowed(fd) || platform_identify_writers(fd) < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return;
	client->request = secret_new(CONTROL_REQUEST_MAX);
	client->is_locked = client->request != NULL;
	if (!client->is_locked)
		client->request = calloc(1, CONTROL_REQUEST_MAX);
	if (client->request == NULL) {
		free(client);
		return;
	}
	client->writer = PEER_UNKNOWN;
	client->control = control;
	client->fd = take_fd(&fd);
	client->next = control->clients;
	control->clients = client;
	if (++control->n_clients == CONTROL_CLIENTS_MAX)
		ev_io_stop(loop, &control->acceptable);
	ev_io_init(&client->io, on_client, client->fd, EV_READ);
	ev_timer_init(&client->timer, on_timeout, CONTROL_TIMEOUT_S, 0.);
	client->io.data = client->timer.data = client;
	ev_io_start(loop, &client->io);
	ev_timer_start(loop, &client->timer);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct control *control = watcher->data;

	(void)revents;
	ev_io_start(loop, &control->acceptable);
}

/* Where its directory is gone, too, whoever makes that anew calls control_keep(). */
static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents) {
	struct control *control = watcher->data;
	int error = control_keep(control);

	(void)loop, (void)revents;
	if (error < 0)
		diag_error("%s: %s", control->path, strerror(-error));
}

static int control_listen(struct control *control) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address;
	mode_t mask;
	int error = control_address(&address, control->path);

	if (error == 0)
		error = platform_socket(&fd, false);
	if (error == 0)
		error = platform_identify_writers(fd);
	if (error == 0 && unlink(control->path) < 0 && errno != ENOENT)
		error = -errno;
	mask = umask(0177);
	if (error == 0 &&
	    (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	     listen(fd, CLIENT_BACKLOG) < 0 || lstat(control->path, &control->own) < 0))
		error = -errno;
	umask(mask);
	if (error < 0)
		return error;
	ev_io_stop(control->loop, &control->acceptable);
	close_fd(&control->fd);
	control->fd = take_fd(&fd);
	ev_io_set(&control->acceptable, control->fd, EV_READ);
	ev_io_start(control->loop, &control->acceptable);
	return 0;
}

int control_new(struct control **ret, struct ev_loop *loop, const char *path,
                control_handler *handler, void *data) {
	struct control *control = calloc(1, sizeof(*control));
	int error;

	if (control == NULL)
		return -ENOMEM;
	*control = (struct control){.loop = loop, .handler = handler, .data = data, .fd = -1};
	control->path = strdup(path);
	ev_init(&control->acceptable, on_acceptable);
	ev_init(&control->retry, on_retry);
	ev_stat_init(&control->place, on_place, control->path, 0.);
	control->acceptable.data = control->retry.data = control->place.data = control;
	error = control->path != NULL ? control_listen(control) : -ENOMEM;
	if (error < 0) {
		free(control->path);
		free(control);
		return error;
	}
	ev_stat_start(loop, &control->place);
	*ret = control;
	return 0;
}

int control_keep(struct control *control) {
	struct stat status;
	int error;

	if (lstat(control->path, &status) == 0 && status.st_dev == control->own.st_dev &&
	    status.st_ino == control->own.st_ino)
		return 0;
	error = control_listen(control);
	/* What is watched may lie where no path leads any more. */
	ev_stat_stop(control->loop, &control->place);
	ev_stat_start(control->loop, &control->place);
	return error;
}

const char *control_path(const struct control *control) {
	return control->path;
}

void control_free(struct control *control) {
	if (control == NULL)
		return;
	/* The name goes first: who sees the end of a connection that stayed finds no guard any
	 * more. */
	if (control->path != NULL)
		unlink(control->path);
	while (control->clients != NULL)
		client_free(control->clients);
	ev_io_stop(control->loop, &control->acceptable);
	ev_timer_stop(control->loop, &control->retry);
	ev_stat_stop(control->loop, &control->place);
	close_fd(&control->fd);
	free(control->path);
	free(control);
}
