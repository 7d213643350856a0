/* What daemon.c, daemon_serve.c and daemon_control.c share: the daemon, and what it is called for.
 */
#ifndef AGENT_DAEMON_PARTS_H
#define AGENT_DAEMON_PARTS_H

#include <ev.h>

#include "agent/control.h"
#include "agent/daemon.h"
#include "agent/doors.h"
#include "agent/ending.h"
#include "agent/guard.h"
#include "agent/guests.h"
#include "agent/hosts.h"
#include "agent/listener.h"
#include "agent/managed.h"
#include "agent/reload.h"
#include "agent/runtime.h"

struct daemon {
	const struct daemon_options *options;
	struct guard guard;
	struct listener *listener;
	char *upstream; /* what was chosen at the start, as policy_upstream() tells it */
	struct managed *managed; /* NULL: it is a path */
	struct control *control;
	struct reload *reload;
	struct panic *panic;
	struct doors *doors;
	uint64_t accepting[CONTROL_CLIENTS_MAX]; /* calls of `policy accept`, while the file is read
	                                          */
	size_t next_accepting;                   /* the oldest one, which gives way */
	struct hosts_wait hosts_wait;            /* of all of them */
	struct guests *guests;
	bool door_failed; /* one that the policy asks for is not there */
	struct runtime *runtime;
	int lock_fd;
	ev_signal hangup;
	struct ending ending;
	ev_io hung_up;
	size_t connections_max;
	bool had_terminal;
	bool serving;
	double paused_at; /* when an event last said that accepting paused; 0: never */
	int status;
};

/* daemon_serve.c: what the modules call while it serves; data is the daemon. */
int daemon_accept_at(void *data, int fd, const char *endpoint);
int daemon_accept(void *data, int fd);
void daemon_on_paused(void *data, int error);
void daemon_on_room(void *data);
void daemon_on_replaced(void *data, int error);
void daemon_on_runtime(void *data);
void daemon_on_hung_up(struct ev_loop *loop, ev_io *watcher, int revents);
void daemon_on_door_failed(void *data, const char *path, const char *why);
void daemon_on_door_replaced(void *data, const char *path, int error);
void daemon_on_guest(void *data, const char *trigger, const char *detail);
void daemon_on_policy(void *data);
void daemon_on_accepted(void *data, bool is_in_file);
/* Reads the files again, as reload_ask(). */
void daemon_reload(struct daemon *daemon, uint64_t call);
void daemon_on_hosts(void *data); /* the last step of the start */
void daemon_on_managed(void *data, enum managed_state state, const char *detail);

/* Whether that path leads to the guard itself, which has been said then. */
bool daemon_is_own_socket(struct daemon *daemon, const char *upstream) MUST_CHECK;
/* Or to what no other socket may take the place of. */
bool daemon_is_forbidden(void *data, const char *path);
/* What is to be the real agent: by the floor, the command line, and the policy. */
const char *daemon_wanted_upstream(const struct daemon *daemon);
bool daemon_is_same_upstream(const char *a, const char *b);
bool daemon_manages(const char *upstream); /* it is no path */
/* -ENAMETOOLONG, which has been said. */
int daemon_set_upstream_path(struct guard *guard, const char *path) MUST_CHECK;

/* daemon_control.c: what comes by the control socket. */
enum control_result daemon_on_control(void *data, const struct control_call *call,
                                      struct buffer *answer);
void daemon_on_reloaded(void *data, uint64_t call, bool good, struct bytes text);

#endif
