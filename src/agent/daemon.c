#include "agent/daemon.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/asker.h"
#include "agent/asker_control.h"
#include "agent/comments.h"
#include "agent/connection.h"
#include "agent/control.h"
#include "agent/digests.h"
#include "agent/doors.h"
#include "agent/guard.h"
#include "agent/guests.h"
#include "agent/hosts.h"
#include "agent/keeper.h"
#include "agent/limits.h"
#include "agent/listener.h"
#include "agent/lock.h"
#include "agent/managed.h"
#include "agent/reload.h"
#include "agent/repeats.h"
#include "agent/runtime.h"
#include "agent/signer.h"
#include "agent/teller.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "log/head.h"
#include "log/system_log.h"
#include "policy/floor.h"

#define LOCK_PATIENCE_MS 2000 /* a busy machine needs so long to end a few processes */
#define LOCK_AGAIN_MS    20
#define DESCRIPTORS_OURS 64 /* logs, the policy, children: never given to clients */
#define DESCRIPTORS_CLIENT \
	4 /* its socket, its way to the real agent, its writer (twice, while read) */
#define DESCRIPTORS_DEFAULT 1024
#define PAUSED_NOTE_S       60.

struct daemon {
	const struct daemon_options *options;
	struct guard guard;
	struct listener *listener;
	struct managed *managed;
	struct control *control;
	struct reload *reload;
	struct doors *doors;
	uint64_t accepting[CONTROL_CLIENTS_MAX]; /* calls of `policy accept`, while the file is read
	                                          */
	size_t next_accepting;                   /* the oldest one, which gives way */
	struct guests *guests;
	bool door_failed; /* one that the policy asks for is not there */
	struct runtime *runtime;
	int lock_fd;
	ev_signal hangup, terminate, interrupt;
	ev_io hung_up;
	size_t connections_max;
	bool had_terminal;
	bool serving;
	double paused_at; /* when an event last said that accepting paused; 0: never */
	int status;
};

static void say_problems(const struct problems *problems) {
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		if (problem->line > 0)
			diag_error("%s:%zu:%zu: %s", problem->file, problem->line, problem->column,
			           problem->text);
		else
			diag_error("%s: %s", problem->file, problem->text);
	}
	if (problems->omitted > 0)
		diag_error("and %zu more problems", problems->omitted);
}

/* ---- what happens while it serves ---- */

static int accept_at(void *data, int fd, const char *endpoint) {
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

static int on_accepted(void *data, int fd) {
	return accept_at(data, fd, "default");
}

static void on_paused(void *data, int error) {
	struct daemon *daemon = data;

	/* Under a flood this comes and goes many times a second. */
	if (daemon->paused_at == 0. ||
	    ev_now(daemon->guard.loop) - daemon->paused_at > PAUSED_NOTE_S)
		guard_note(&daemon->guard, "accept-paused", NULL, strerror(-error));
	daemon->paused_at = ev_now(daemon->guard.loop);
}

static void on_room(void *data) {
	struct daemon *daemon = data;

	if (daemon->listener != NULL && daemon->serving)
		listener_resume(daemon->listener);
	if (daemon->doors != NULL)
		doors_resume(daemon->doors);
	if (daemon->guests != NULL)
		guests_resume(daemon->guests);
}

static void on_replaced(void *data, int error) {
	struct daemon *daemon = data;
	bool lost = error < 0;

	/* Once for a loss that lasts: it is tried again and again. */
	if (!lost || !daemon->guard.socket_lost) {
		diag_error("%s: something else was put in the socket's place (%s)",
		           daemon->options->socket, lost ? strerror(-error) : "taken back");
		guard_note(&daemon->guard, "socket-replaced", NULL,
		           lost ? strerror(-error) : "taken back");
	}
	daemon->guard.socket_lost = lost;
	guard_notice(&daemon->guard, "a program put something in the place of the guard's socket; "
	                             "see the socket-replaced events");
	/* What took the one away may have taken the other. */
	runtime_look(daemon->runtime);
}

/* What lies in the runtime directory is gone where that was cleared away. */
static void on_runtime(void *data) {
	struct daemon *daemon = data;
	int error = daemon->serving ? control_keep(daemon->control) : 0;

	if (error < 0)
		diag_error("%s: %s", daemon->options->control, strerror(-error));
	if (daemon->serving && daemon->managed != NULL)
		managed_keep(daemon->managed);
}

static void on_hung_up(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	connections_hung_up(watcher->data);
}

static void on_end(struct ev_loop *loop, ev_signal *watcher, int revents) {
	(void)watcher, (void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static bool has_terminal(void) {
	CLEANUP(close_fd) int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0;
}

/* "Read your files again" for a daemon, "your terminal is gone" for one that a person started in a
 * terminal. */
static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int revents) {
	struct daemon *daemon = watcher->data;

	(void)revents;
	if (daemon->had_terminal && !has_terminal())
		ev_break(loop, EVBREAK_ALL);
	else if (daemon->reload != NULL)
		reload_ask(daemon->reload, 0);
}

/* Whether the call is one of `policy accept`, which ends the waiting. */
static bool was_accepting(struct daemon *daemon, uint64_t call) {
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (daemon->accepting[i] == call) {
			daemon->accepting[i] = 0;
			return true;
		}
	return false;
}

/* The file was read just now, so that a person agrees to what stands in it. */
static enum control_result accept_read(struct daemon *daemon, bool good, struct bytes text,
                                       struct buffer *answer) {
	if (good || daemon->guard.reload_state == RELOAD_HELD)
		return lock_accept(daemon->guard.lock, answer);
	buffer_put_raw(answer, text);
	return CONTROL_FAILED;
}

static void on_reloaded(void *data, uint64_t call, bool good, struct bytes text) {
	struct daemon *daemon = data;
	CLEANUP(buffer_deinit) struct buffer answer = {0};

	if (was_accepting(daemon, call)) {
		enum control_result result = accept_read(daemon, good, text, &answer);

		control_answer(daemon->control, call, result, buffer_bytes(&answer));
		return;
	}
	control_answer(daemon->control, call, good ? CONTROL_OK : CONTROL_FAILED, text);
}

static enum control_result on_control(void *data, const struct control_call *call,
                                      struct buffer *answer) {
	struct daemon *daemon = data;
	struct guard *guard = &daemon->guard;
	const char *request = call->request;
	bool panic = strcmp(request, "panic") == 0;
	enum control_result result;

	if (strcmp(request, "stop") == 0) {
		ev_break(guard->loop, EVBREAK_ALL);
		return CONTROL_OK_STAY;
	}
	if (strcmp(request, "reload") == 0) {
		reload_ask(daemon->reload, call->id);
		return CONTROL_LATER;
	}
	if (strcmp(request, "policy-accept") == 0) {
		daemon->accepting[daemon->next_accepting++ % CONTROL_CLIENTS_MAX] = call->id;
		reload_ask(daemon->reload, call->id);
		return CONTROL_LATER;
	}
	if (strcmp(request, "log-head") == 0)
		return head_put(answer, journal_head(guard->journal), guard->state_fd) == 0
		               ? CONTROL_OK
		               : CONTROL_FAILED;
	if (strcmp(request, "status") == 0)
		return guard_status_yaml(guard, answer) == 0 ? CONTROL_OK : CONTROL_FAILED;
	if (panic || strcmp(request, "panic off") == 0) {
		int error = guard_panic(guard, panic);

		if (error < 0)
			buffer_put_raw(answer, bytes_of_text(strerror(-error)));
		return error < 0 ? CONTROL_FAILED : CONTROL_OK;
	}
	if (asker_control(guard->asker, call, answer, &result) ||
	    guests_control(daemon->guests, call, answer, &result))
		return result;
	buffer_put_raw(answer, bytes_of_text("this guard does not know that request"));
	return CONTROL_FAILED;
}

/* ---- start and end ---- */

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

static bool is_own_socket(struct daemon *daemon, const char *upstream) {
	if (!same_place(upstream, daemon->options->socket))
		return false;
	diag_error("--upstream %s: that is the guard's own socket (name the real agent's)",
	           upstream);
	daemon->status = 2;
	return true;
}

static void on_door_failed(void *data, const char *path, const char *why) {
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

static void on_door_replaced(void *data, const char *path, int error) {
	struct daemon *daemon = data;

	diag_error("%s: something else was put in the socket's place (%s)", path,
	           error < 0 ? strerror(-error) : "taken back");
	guard_note(&daemon->guard, "socket-replaced", NULL, path);
}

/* What is stale now may be another's again: a way to the real agent that leads to us would have no
 * end. */
static bool is_forbidden(void *data, const char *path) {
	const struct daemon *daemon = data;
	const struct daemon_options *options = daemon->options;

	return same_place(path, options->socket) || same_place(path, options->control) ||
	       (options->upstream != NULL && same_place(path, options->upstream));
}

static void on_guest(void *data, const char *trigger, const char *detail) {
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

static void on_policy(void *data) {
	struct daemon *daemon = data;

	if (daemon->serving)
		set_doors(daemon);
	if (daemon->guard.hosts != NULL)
		hosts_policy_changed(daemon->guard.hosts);
}

static void daemon_serve(struct daemon *daemon) {
	const struct daemon_options *options = daemon->options;
	struct guard *guard = &daemon->guard;
	int error = control_new(&daemon->control, guard->loop, options->control, on_control,
	                        daemon);

	if (error < 0) {
		diag_error("%s: %s", options->control, strerror(-error));
	} else {
		error = listener_start(daemon->listener);
		if (error < 0)
			diag_error("%s: %s", options->socket, strerror(-error));
	}
	/* A link that led nowhere before may lead to us now. */
	if (error == 0 && options->upstream != NULL && is_own_socket(daemon, options->upstream))
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
	set_doors(daemon);
	guard_status_write(guard, false);
	options->ready(options->data);
}

/* Who is served wants to know of hosts. */
static void on_hosts(void *data) {
	struct daemon *daemon = data;

	if (daemon->managed != NULL)
		managed_start(daemon->managed);
	else
		daemon_serve(daemon);
}

static int set_upstream_path(struct guard *guard, const char *path) {
	guard->upstream.socket = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(guard->upstream.socket.sun_path)) {
		diag_error("%s: the path is too long for a socket", path);
		return -ENAMETOOLONG;
	}
	strcpy(guard->upstream.socket.sun_path, path);
	return 0;
}

/* Told each time, because a promise is missing that people rely on. */
static void note_started(struct guard *guard) {
	char detail[256];

	if (guard->upstream_reachable == NULL) {
		guard_note(guard, "upstream-started", NULL, "only the guard can reach ssh-agent");
		return;
	}
	snprintf(detail, sizeof(detail), "other programs of this user can reach ssh-agent: %s",
	         guard->upstream_reachable);
	diag_info("%s", detail);
	guard_note(guard, "upstream-started", NULL, detail);
}

static void on_managed(void *data, enum managed_state state, const char *detail) {
	struct daemon *daemon = data;
	struct guard *guard = &daemon->guard;

	/* It has another address each time. */
	guard->upstream.down = state != MANAGED_UP ||
	                       set_upstream_path(guard, managed_socket(daemon->managed)) < 0;
	switch (state) {
	case MANAGED_STARTING: break;
	case MANAGED_UP:
		guard->upstream_away = false;
		guard->upstream_reachable = managed_why_reachable(daemon->managed);
		note_started(guard);
		if (!daemon->serving) {
			daemon_serve(daemon);
			break;
		}
		guard->upstream_restarts++;
		diag_info("ssh-agent was started again and is empty (add your keys: ssh-add)");
		guard_notice(guard, "ssh-agent was started again and is empty: add your keys "
		                    "with ssh-add");
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

static void raise_descriptor_limit(struct daemon *daemon) {
	struct rlimit limit = {.rlim_cur = DESCRIPTORS_DEFAULT};

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur > INT_MAX)
		limit.rlim_cur = INT_MAX;
	daemon->connections_max = limit.rlim_cur > DESCRIPTORS_OURS + DESCRIPTORS_CLIENT
	                                  ? (size_t)(limit.rlim_cur - DESCRIPTORS_OURS) /
	                                            DESCRIPTORS_CLIENT
	                                  : 1;
}

/* The children of a guard that was killed hold its lock for the moment that they take to end. */
static int lock_state(struct daemon *daemon) {
	const struct timespec again = {.tv_nsec = LOCK_AGAIN_MS * 1000000L};
	int error = lock_file(&daemon->lock_fd, daemon->guard.state_fd, "lock");

	for (int ms = 0; error == -EADDRINUSE && ms < LOCK_PATIENCE_MS; ms += LOCK_AGAIN_MS) {
		nanosleep(&again, NULL);
		error = lock_file(&daemon->lock_fd, daemon->guard.state_fd, "lock");
	}
	return error;
}

static int daemon_directories(struct daemon *daemon) {
	const struct daemon_options *options = daemon->options;
	int error = directory_make_private(&daemon->guard.state_fd, options->state);

	if (error < 0) {
		diag_error("%s: %s (the state directory must be yours, mode 0700, and no link)",
		           options->state, strerror(-error));
		return error;
	}
	error = lock_state(daemon);
	if (error < 0) {
		diag_error("%s: %s", options->state,
		           error == -EADDRINUSE
		                   ? "another ssh-agent-guard uses it (choose another --state-dir)"
		                   : strerror(-error));
		return error;
	}
	return runtime_new(&daemon->runtime, daemon->guard.loop, options->runtime, on_runtime,
	                   daemon);
}

/* What is wrong with a policy is said, and the guard does not start. */
static int policy_unfit(struct daemon *daemon, const char *path, const struct problems *problems,
                        int error) {
	say_problems(problems);
	if (problems->count == 0)
		diag_error("%s: %s", path, strerror(-error));
	daemon->status = 2;
	return error;
}

static int daemon_floor(struct daemon *daemon) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = floor_load(&daemon->guard.floor, &problems);

	if (error == 0)
		diag_info("the system floor %s is in force", FLOOR_PATH);
	return error == 0 || error == -ENOENT ? 0
	                                      : policy_unfit(daemon, FLOOR_PATH, &problems, error);
}

static int daemon_policy(struct daemon *daemon) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = lock_new(&daemon->guard.lock, &daemon->guard, daemon->options->state, on_policy,
	                     daemon);

	if (error == 0)
		error = lock_load(&daemon->guard.policy, daemon->guard.lock, &problems);
	if (error == -ENOENT) {
		diag_info("%s: not there, so every signature needs a confirmation, and is refused "
		          "where there is no way to give one (see ssh-agent-guard-policy(5))",
		          daemon->options->policy);
		error = policy_new_default(&daemon->guard.policy);
	}
	return error == 0 ? 0 : policy_unfit(daemon, daemon->options->policy, &problems, error);
}

static int daemon_listener(struct daemon *daemon) {
	const struct listener_calls calls = {on_accepted, on_replaced, on_paused, daemon};
	CLEANUP(free_pointer) char *why = NULL;
	int error = listener_new(&daemon->listener, &why, daemon->guard.loop,
	                         daemon->options->socket, &calls);

	if (error < 0)
		diag_error("%s: %s", daemon->options->socket, why != NULL ? why : strerror(-error));
	return error;
}

static int daemon_upstream(struct daemon *daemon) {
	const struct daemon_options *options = daemon->options;
	struct guard *guard = &daemon->guard;
	const char *path = options->upstream;
	int error;

	guard->upstream.answer_s = options->answer_s;
	guard->upstream.managed = path == NULL;
	guard->upstream_name = path != NULL ? path : "managed";
	guard->upstream_reachable = path != NULL ? "its path leads there" : NULL;
	if (path == NULL) {
		error = managed_new(&daemon->managed, guard->loop, options->agent_program,
		                    options->runtime, on_managed, daemon);
		if (error < 0) {
			diag_error("%s: %s", options->runtime, strerror(-error));
			return error;
		}
		/* Its address is known when it is up. */
		guard->upstream.down = true;
		return 0;
	}
	return is_own_socket(daemon, path) ? -ELOOP : set_upstream_path(guard, path);
}

static int daemon_modules(struct daemon *daemon) {
	struct guard *guard = &daemon->guard;
	int error = journal_new(&guard->journal, guard->state_fd);

	if (error < 0) {
		diag_error("%s/events: %s", daemon->options->state, strerror(-error));
		return error;
	}
	error = doors_new(&daemon->doors, guard->loop,
	                  &(struct doors_calls){accept_at, on_paused, on_door_failed,
	                                        on_door_replaced, is_forbidden, daemon});
	if (error == 0)
		error = guard_copy_log(guard);
	if (error == 0)
		error = guests_new(
			&daemon->guests, guard->loop,
			&(struct guests_places){daemon->options->runtime,
	                                        daemon->options->policy,
	                                        daemon->options->state},
			&(struct guests_calls){accept_at, on_paused, on_guest, daemon});
	if (error == 0)
		error = keeper_new(&guard->keeper, guard);
	if (error == 0)
		error = signer_new(&guard->signer, guard);
	if (error == 0)
		error = reader_new(&guard->reader, guard->loop);
	if (error == 0)
		error = guard_ask_env(guard, guard->floor, guard->policy);
	if (error == 0)
		error = hangups_new(&guard->hangups);
	if (error == 0)
		error = limits_new(&guard->limits);
	if (error == 0)
		error = comments_new(&guard->comments);
	if (error == 0)
		error = digests_new(&guard->digests, guard->loop);
	if (error == 0)
		error = repeats_new(&guard->repeats);
	if (error == 0)
		error = reload_new(&daemon->reload, guard, on_reloaded, on_policy, daemon);
	if (error == 0)
		error = hosts_new(&guard->hosts, guard, on_hosts, daemon);
	if (error == 0)
		error = teller_new(&guard->teller, guard);
	if (error == 0)
		error = asker_new(&guard->asker, guard, daemon->options->pending);
	if (error < 0) {
		diag_error("start: %s", strerror(-error));
		return error;
	}
	ev_io_init(&daemon->hung_up, on_hung_up, hangups_fd(guard->hangups), EV_READ);
	daemon->hung_up.data = guard;
	ev_io_start(guard->loop, &daemon->hung_up);
	guard->on_room = on_room;
	guard->on_room_data = daemon;
	guard->panic = guard_panic_was_left_on(guard->state_fd);
	return 0;
}

static void daemon_signals(struct daemon *daemon) {
	struct sigaction before = {0};

	/* nohup says that the terminal does not matter. */
	sigaction(SIGHUP, NULL, &before);
	daemon->had_terminal = before.sa_handler != SIG_IGN && has_terminal();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN); /* a message must not stop us */
	signal(SIGXFSZ, SIG_IGN); /* a log that hits its limit fails like a full disk */
	ev_signal_init(&daemon->hangup, on_hangup, SIGHUP);
	ev_signal_init(&daemon->terminate, on_end, SIGTERM);
	ev_signal_init(&daemon->interrupt, on_end, SIGINT);
	daemon->hangup.data = daemon;
	ev_signal_start(daemon->guard.loop, &daemon->hangup);
	ev_signal_start(daemon->guard.loop, &daemon->terminate);
	ev_signal_start(daemon->guard.loop, &daemon->interrupt);
}

static void daemon_end(struct daemon *daemon) {
	struct guard *guard = &daemon->guard;

	guard->on_room = NULL;
	signer_free(TAKE(guard->signer));
	teller_free(TAKE(guard->teller));
	runtime_free(daemon->runtime);
	reload_free(daemon->reload);
	listener_free(daemon->listener);
	doors_free(TAKE(daemon->doors));
	guests_free(TAKE(daemon->guests));
	connections_end(guard);
	managed_free(daemon->managed);
	lock_free(TAKE(guard->lock));
	if (daemon->serving) {
		guard_tell_repeats(guard);
		guard_note(guard, "stop", NULL, NULL);
		guard_status_write(guard, true);
	}
	if (guard->loop != NULL) {
		ev_io_stop(guard->loop, &daemon->hung_up);
		ev_timer_stop(guard->loop, &guard->status_soon);
		ev_timer_stop(guard->loop, &guard->repeats_soon);
		ev_signal_stop(guard->loop, &daemon->hangup);
		ev_signal_stop(guard->loop, &daemon->terminate);
		ev_signal_stop(guard->loop, &daemon->interrupt);
	}
	asker_free(TAKE(guard->asker));
	hosts_free(TAKE(guard->hosts));
	hangups_free(guard->hangups);
	limits_free(guard->limits);
	comments_free(guard->comments);
	digests_free(guard->digests);
	repeats_free(guard->repeats);
	reader_free(guard->reader);
	keeper_free(guard->keeper);
	journal_free(guard->journal);
	system_log_free(guard->system_log);
	policy_unref(guard->policy);
	policy_unref(guard->floor);
	free(guard->notice);
	free(guard->reload_error);
	close_fd(&daemon->lock_fd);
	close_fd(&guard->state_fd);
	/* Last: whoever waits for our end sees it here. */
	control_free(daemon->control);
}

static int daemon_start(struct daemon *daemon) {
	struct guard *guard = &daemon->guard;
	int error = daemon_directories(daemon);

	if (error == 0)
		error = daemon_floor(daemon);
	if (error == 0)
		error = daemon_policy(daemon);
	if (error == 0)
		error = daemon_listener(daemon);
	if (error == 0)
		error = daemon_upstream(daemon);
	if (error == 0)
		error = daemon_modules(daemon);
	if (error < 0)
		return error;
	if (guard->panic)
		diag_info("panic was left on: every signature is refused until `ssh-agent-guard "
		          "panic off`");
	return 0; /* goes on in on_hosts() */
}

/* Before the first child, so that none is without it. */
static void forbid_calls(void) {
	int error = platform_forbid_calls();

	if (error < 0)
		diag_info("start: this system filters no system calls: %s (if the guard were "
		          "taken over, it could do all that its user can)",
		          strerror(-error));
}

int daemon_run(const struct daemon_options *options) {
	struct daemon daemon = {
		.options = options,
		.guard = {.state_fd = -1,
	                  .policy_path = options->policy,
	                  .socket_path = options->socket,
	                  .since_us = clock_real_us()},
		.lock_fd = -1,
	};

	if (platform_harden_process() < 0) {
		diag_error("start: the process cannot be closed to tracing");
		return 1;
	}
	/* Whoever came before that stays, and can have us do anything. */
	if (platform_tracer() != 0) {
		diag_error("start: process %d traces the guard (end it, and start anew)",
		           (int)platform_tracer());
		return 1;
	}
	forbid_calls();
	raise_descriptor_limit(&daemon);
	/* The default loop, because only that one can wait for children. */
	daemon.guard.loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOENV);
	if (daemon.guard.loop == NULL) {
		diag_error("start: the system has no way to wait for events");
		return 1;
	}
	guard_status_init(&daemon.guard);
	daemon_signals(&daemon);
	ev_init(&daemon.hung_up, on_hung_up);
	if (daemon_start(&daemon) < 0)
		daemon.status = daemon.status != 0 ? daemon.status : 1;
	else if (daemon.status == 0)
		ev_run(daemon.guard.loop, 0);
	daemon_end(&daemon);
	return daemon.status;
}
