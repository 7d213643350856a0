/* What happens while the daemon serves: clients and their sockets, the policy's doors, the real
 * agent's coming and going. */
#include "agent/daemon_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/asker.h"
#include "agent/connection.h"
#include "agent/hosts.h"
#include "agent/lock.h"
#include "agent/renderers.h"
#include "agent/service.h"
#include "agent/touching.h"
#include "base/diag.h"

#define PAUSED_NOTE_S 60.

int daemon_accept_at(void *data, int fd, const char *endpoint) {
	struct daemon *daemon = data;
	CLEANUP(close_fd) int owned = fd;

	/* Without the kernel's word on who writes nothing could be decided for it: closed. */
	if (platform_identify_writers(fd) == 0) {
		int error = connection_new(&daemon->guard, take_fd(&owned), endpoint);

		if (error < 0)
			diag_error("a client is turned away: %s", strerror(-error));
	}
	/* Those that are served already need what is left. */
	return daemon->guard.n_connections >= daemon->connections_max ? -EMFILE : 0;
}

int daemon_accept(void *data, int fd) {
	return daemon_accept_at(data, fd, "default");
}

void daemon_on_paused(void *data, int error) {
	struct daemon *daemon = data;

	/* Under a flood this comes and goes many times a second. */
	if (daemon->paused_at == 0. ||
	    ev_now(daemon->guard.loop) - daemon->paused_at > PAUSED_NOTE_S)
		guard_note(&daemon->guard, "accept-paused", NULL, strerror(-error));
	daemon->paused_at = ev_now(daemon->guard.loop);
}

void daemon_on_room(void *data) {
	struct daemon *daemon = data;

	if (daemon->listener != NULL && daemon->serving)
		listener_resume(daemon->listener);
	if (daemon->doors != NULL)
		doors_resume(daemon->doors);
	if (daemon->guests != NULL)
		guests_resume(daemon->guests);
}

void daemon_on_replaced(void *data, int error) {
	struct daemon *daemon = data;
	bool lost = error < 0;

	/* Once for a loss that lasts: it is tried again and again. */
	if (!lost || !daemon->guard.socket_lost) {
		diag_error("%s: the socket was removed, or something else put in its place (%s)",
		           daemon->options->socket, lost ? strerror(-error) : "taken back");
		guard_note(&daemon->guard, "socket-replaced", NULL,
		           lost ? strerror(-error) : "taken back");
	}
	daemon->guard.socket_lost = lost;
	/* A logout removes the whole directory, and no program is behind that. */
	guard_notice(&daemon->guard, "the guard's socket was removed, or something else put in its "
	                             "place, as a logout or a program does; see the socket-replaced "
	                             "events");
	/* What took the one away may have taken the other. */
	runtime_look(daemon->runtime);
}

/* What lies in the runtime directory is gone where that was cleared away. */
void daemon_on_runtime(void *data) {
	struct daemon *daemon = data;
	int error = daemon->serving ? control_keep(daemon->control) : 0;

	if (error < 0)
		diag_error("%s: %s", daemon->options->control, strerror(-error));
	if (daemon->serving && daemon->managed != NULL)
		managed_keep(daemon->managed);
	if (daemon->serving && daemon->listener != NULL)
		listener_look(daemon->listener);
}

void daemon_on_hung_up(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	connections_hung_up(watcher->data);
}

/* Whether both paths lead to one place, by the directory they name and their last part; and of a
 * link, by where it leads. */
static bool same_place(const char *a, const char *b) {
	CLEANUP(free_pointer) char *real_a = realpath(a, NULL);
	CLEANUP(free_pointer) char *real_b = realpath(b, NULL);
	char directory_a[PATH_MAX], directory_b[PATH_MAX];
	const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');
	struct stat status_a, status_b;

	if (real_a != NULL && real_b != NULL && strcmp(real_a, real_b) == 0)
		return true;
	if (strlen(a) >= PATH_MAX || strlen(b) >= PATH_MAX || strcmp(name_a, name_b) != 0)
		return false;
	strcpy(directory_a, a);
	strcpy(directory_b, b);
	directory_a[name_a - a + 1] = directory_b[name_b - b + 1] = '\0';
	return stat(directory_a, &status_a) == 0 && stat(directory_b, &status_b) == 0 &&
	       status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

bool daemon_is_own_socket(struct daemon *daemon, const char *upstream) {
	if (!same_place(upstream, daemon->options->socket))
		return false;
	diag_error("upstream %s: that is the guard's own socket (name the real agent's)", upstream);
	daemon->status = 2;
	return true;
}

void daemon_on_door_failed(void *data, const char *path, const char *why) {
	struct daemon *daemon = data;
	CLEANUP(buffer_deinit) struct buffer text = {0};

	daemon->door_failed = true;
	diag_error("endpoints: %s: %s", path, why);
	buffer_put_raw(&text, bytes_of_text(path));
	buffer_put_raw(&text, bytes_of_text(": "));
	buffer_put_raw(&text, bytes_of_text(why));
	buffer_put_u8(&text, 0);
	guard_note(&daemon->guard, "endpoint-failed", NULL,
	           buffer_error(&text) == 0 ? (const char *)text.data : path);
	guard_notice(&daemon->guard, "an endpoint of the policy has no socket; see the "
	                             "endpoint-failed events");
}

void daemon_on_door_replaced(void *data, const char *path, int error) {
	struct daemon *daemon = data;

	diag_error("%s: something else was put in the socket's place (%s)", path,
	           error < 0 ? strerror(-error) : "taken back");
	guard_note(&daemon->guard, "socket-replaced", NULL, path);
}

/* What is stale now may be another's again: a way to the real agent that leads to us would have no
 * end. */
bool daemon_is_forbidden(void *data, const char *path) {
	const struct daemon *daemon = data;
	const struct daemon_options *options = daemon->options;

	return same_place(path, options->socket) || same_place(path, options->control) ||
	       (daemon->managed == NULL && daemon->upstream != NULL &&
	        same_place(path, daemon->upstream));
}

void daemon_on_guest(void *data, const char *trigger, const char *detail) {
	struct daemon *daemon = data;

	guard_note(&daemon->guard, trigger, NULL, detail);
}

static void set_doors(struct daemon *daemon) {
	bool had_failed = daemon->door_failed;

	daemon->door_failed = false;
	doors_set(daemon->doors, daemon->guard.policy);
	if (had_failed && !daemon->door_failed)
		guard_notice(&daemon->guard, NULL);
}

const char *daemon_wanted_upstream(const struct daemon *daemon) {
	const struct guard *guard = &daemon->guard;
	const char *wanted = guard->floor != NULL ? policy_upstream(guard->floor) : NULL;

	if (wanted == NULL)
		wanted = daemon->options->upstream;
	if (wanted == NULL)
		wanted = policy_upstream(guard->policy);
	return wanted != NULL ? wanted : UPSTREAM_MANAGED;
}

bool daemon_manages(const char *upstream) {
	return upstream[0] != '/';
}

bool daemon_is_same_upstream(const char *a, const char *b) {
	return strcmp(a, b) == 0 || (!daemon_manages(a) && !daemon_manages(b) && same_place(a, b));
}

/* Who had keys in the one must not find himself with the other. */
static void tell_other_upstream(struct daemon *daemon) {
	const char *wanted = daemon_wanted_upstream(daemon);
	char detail[384];

	if (daemon_is_same_upstream(wanted, daemon->upstream))
		return;
	if (!daemon_manages(wanted) && same_place(wanted, daemon->options->socket))
		snprintf(
			detail, sizeof(detail),
			"upstream: %.80s is the guard's own socket, and will keep it from starting "
			"(name the real agent's); until then it is %.80s",
			wanted, daemon->upstream);
	else
		snprintf(detail, sizeof(detail),
		         "upstream: %.80s is used from the next start on; until then it is %.80s",
		         wanted, daemon->upstream);
	diag_info("%s", detail);
	guard_note(&daemon->guard, "upstream-later", NULL, detail);
}

void daemon_on_policy(void *data) {
	struct daemon *daemon = data;

	if (daemon->serving) {
		set_doors(daemon);
		tell_other_upstream(daemon);
	}
	if (daemon->guard.hosts != NULL)
		hosts_policy_changed(daemon->guard.hosts);
	if (daemon->guard.renderers != NULL)
		renderers_policy_changed(daemon->guard.renderers);
	/* Also where it was refused: the old one is in force. */
	if (daemon->serving)
		service_ready(daemon->guard.service);
}

void daemon_on_accepted(void *data, bool is_in_file) {
	struct daemon *daemon = data;

	daemon_on_policy(daemon);
	if (!is_in_file)
		reload_ask(daemon->reload, 0);
}

static void daemon_serve(struct daemon *daemon) {
	const struct daemon_options *options = daemon->options;
	struct guard *guard = &daemon->guard;
	int error = control_new(&daemon->control, guard->loop, options->control, daemon_on_control,
	                        daemon);

	if (error < 0) {
		diag_error("%s: %s", options->control, strerror(-error));
	} else {
		error = listener_start(daemon->listener);
		if (error < 0)
			diag_error("%s: %s", options->socket, strerror(-error));
	}
	/* A link that led nowhere before may lead to us now. */
	if (error == 0 && daemon->managed == NULL && daemon_is_own_socket(daemon, daemon->upstream))
		error = -ELOOP;
	if (error < 0) {
		daemon->status = daemon->status != 0 ? daemon->status : 1;
		ev_break(guard->loop, EVBREAK_ALL);
		return;
	}
	guard->asker->control = daemon->control;
	daemon->serving = true;
	guard_note(guard, "start", NULL, guard->upstream_name);
	lock_started(guard->lock);
	touching_floor_changed(guard->asker->touching);
	set_doors(daemon);
	guard_status_write(guard, false);
	options->ready(options->data);
	service_ready(guard->service);
}

void daemon_reload(struct daemon *daemon, uint64_t call) {
	if (daemon->serving)
		service_reloading(daemon->guard.service);
	reload_ask(daemon->reload, call);
}

/* Who is served wants to know of hosts. */
void daemon_on_hosts(void *data) {
	struct daemon *daemon = data;

	if (daemon->managed != NULL)
		managed_start(daemon->managed);
	else
		daemon_serve(daemon);
}

int daemon_set_upstream_path(struct guard *guard, const char *path) {
	guard->upstream.socket = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(guard->upstream.socket.sun_path)) {
		diag_error("%s: the path is too long for a socket", path);
		return -ENAMETOOLONG;
	}
	strcpy(guard->upstream.socket.sun_path, path);
	return 0;
}

/* Told each time, because a promise is missing that people rely on. */
static void note_started(struct guard *guard, const char *name) {
	char detail[256];

	if (guard->upstream_reachable == NULL) {
		snprintf(detail, sizeof(detail), "only the guard can reach %s", name);
		guard_note(guard, "upstream-started", NULL, detail);
		return;
	}
	snprintf(detail, sizeof(detail), "other programs of this user can reach %s: %s", name,
	         guard->upstream_reachable);
	diag_info("%s", detail);
	guard_note(guard, "upstream-started", NULL, detail);
}

static void tell_restarted(struct daemon *daemon) {
	struct guard *guard = &daemon->guard;

	guard->upstream_restarts++;
	if (strcmp(daemon->upstream, UPSTREAM_MANAGED_GPG) == 0) { /* its keys are files */
		diag_info("gpg-agent was started again and has forgotten its passphrases");
		return;
	}
	diag_info("ssh-agent was started again and is empty (add your keys: ssh-add)");
	guard_notice(guard, "ssh-agent was started again and is empty: add your keys with ssh-add");
}

void daemon_on_managed(void *data, enum managed_state state, const char *detail) {
	struct daemon *daemon = data;
	struct guard *guard = &daemon->guard;

	/* It has another address each time. */
	guard->upstream.down = state != MANAGED_UP ||
	                       daemon_set_upstream_path(guard, managed_socket(daemon->managed)) < 0;
	switch (state) {
	case MANAGED_STARTING: break;
	case MANAGED_UP:
		guard->upstream_away = false;
		guard->upstream_reachable = managed_why_reachable(daemon->managed);
		note_started(guard, managed_name(daemon->managed));
		if (!daemon->serving) {
			/* After a restart, too, whoever had keys in the one before finds none. */
			if (strcmp(daemon->upstream, UPSTREAM_MANAGED_GPG) != 0)
				diag_info("its ssh-agent is new and has no keys (add yours: ssh-add)");
			daemon_serve(daemon);
			break;
		}
		tell_restarted(daemon);
		break;
	case MANAGED_DOWN:
		diag_error("upstream: %s", detail);
		guard_note(guard, "upstream-lost", NULL, detail);
		if (!daemon->serving) {
			daemon->status = 1;
			ev_break(guard->loop, EVBREAK_ALL);
		}
		break;
	}
}
