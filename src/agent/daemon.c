#include "agent/daemon.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/asker.h"
#include "agent/comments.h"
#include "agent/connection.h"
#include "agent/daemon_parts.h"
#include "agent/digests.h"
#include "agent/hosts.h"
#include "agent/keeper.h"
#include "agent/limits.h"
#include "agent/lock.h"
#include "agent/panic.h"
#include "agent/renderers.h"
#include "agent/repeats.h"
#include "agent/service.h"
#include "agent/signer.h"
#include "agent/teller.h"
#include "agent/upstream_place.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "config.h"
#include "log/system_log.h"
#include "policy/floor.h"

#define LOCK_PATIENCE_MS 2000 /* a busy machine needs so long to end a few processes */
#define LOCK_AGAIN_MS    20
#define DESCRIPTORS_OURS 64 /* logs, the policy, children: never given to clients */
#define DESCRIPTORS_CLIENT \
	4 /* its socket, its way to the real agent, its writer (twice, while read) */
#define DESCRIPTORS_DEFAULT 1024

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

static bool has_terminal(void) {
	CLEANUP(close_fd) int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0;
}

/* "Read your files again" for a daemon, "your terminal is gone" for one that a person started in a
 * terminal. */
static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int revents) {
	struct daemon *daemon = watcher->data;

	(void)loop, (void)revents;
	if (daemon->had_terminal && !has_terminal())
		ending_ask(&daemon->ending, "its terminal was closed");
	else if (daemon->reload != NULL)
		daemon_reload(daemon, 0);
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
		diag_error(
			"%s: %s", options->state,
			error == -EADDRINUSE
				? "a guard that runs uses it (see ssh-agent-guard status; end it: "
				  "ssh-agent-guard stop; for a second one, choose another "
				  "--state-dir and --listen)"
				: strerror(-error));
		return error;
	}
	return runtime_new(&daemon->runtime, daemon->guard.loop, options->runtime,
	                   daemon_on_runtime, daemon);
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
	int error = lock_new(&daemon->guard.lock, &daemon->guard, daemon_on_accepted, daemon);

	if (error == 0)
		error = lock_load(&daemon->guard.policy, daemon->guard.lock, &problems);
	if (error == -ENOENT) {
		diag_info("%s: not there, so every signature needs a confirmation, and is refused "
		          "where there is no way to give one (see ssh-agent-guard-policy(5))",
		          daemon->options->policy);
		if (access(STARTER_POLICY, R_OK) == 0)
			diag_info("policy: to begin with the starter policy: install -Dm 600 %s %s",
			          STARTER_POLICY, daemon->options->policy);
		error = policy_new_default(&daemon->guard.policy);
	}
	return error == 0 ? 0 : policy_unfit(daemon, daemon->options->policy, &problems, error);
}

static int daemon_listener(struct daemon *daemon) {
	const struct listener_calls calls = {daemon_accept, daemon_on_replaced, daemon_on_paused,
	                                     daemon};
	CLEANUP(free_pointer) char *why = NULL;
	int error = listener_new(&daemon->listener, &why, daemon->guard.loop,
	                         daemon->options->socket, &calls);

	if (error < 0)
		diag_error("%s: %s", daemon->options->socket, why != NULL ? why : strerror(-error));
	return error;
}

static int daemon_managed(struct daemon *daemon) {
	const struct daemon_options *options = daemon->options;
	bool is_gpg = strcmp(daemon->upstream, UPSTREAM_MANAGED_GPG) == 0;
	const struct managed_options managed = {is_gpg ? options->gpg_agent : options->ssh_agent,
	                                        options->runtime, is_gpg ? options->gpgconf : NULL};
	CLEANUP(free_pointer) char *why = NULL;
	int error = managed_new(&daemon->managed, &why, daemon->guard.loop, &managed,
	                        daemon_on_managed, daemon);

	if (error < 0 && why != NULL)
		diag_error("upstream: %s", why);
	else if (error < 0)
		diag_error("%s: %s", options->runtime, strerror(-error));
	/* Its address is known when it is up. */
	daemon->guard.upstream.down = true;
	return error;
}

/* Whoever can put another agent in its place is asked for signatures, and given keys. */
static int daemon_foreign(struct daemon *daemon, const char *path) {
	struct guard *guard = &daemon->guard;
	CLEANUP(free_pointer) char *why = NULL;
	struct upstream_place place;
	int error = daemon_is_own_socket(daemon, path) ? -ELOOP
	                                               : daemon_set_upstream_path(guard, path);

	if (error < 0)
		return error;
	error = upstream_place_look(&place, &why, path);
	if (error < 0) {
		diag_error("upstream %s: %s", path, why != NULL ? why : strerror(-error));
		return error;
	}
	if (access(path, F_OK) < 0)
		diag_info("upstream %s: nothing can be reached there by now: %s (requests fail "
		          "until an agent listens there)",
		          path, strerror(errno));
	guard->upstream_reachable = "its path leads there";
	if (place.others_connect) {
		diag_info("upstream %s: other users of this machine can connect to it (chmod 600 "
		          "it, and its directory 700)",
		          path);
		guard->upstream_reachable = "its path leads there, also for other users";
	} else if (place.others_enter && (place.mode & 077) != 0) {
		diag_info("upstream %s: its directory has mode %04o, so nothing but the socket's "
		          "own mode keeps other users out (chmod 700 the directory)",
		          path, (unsigned)place.mode);
	}
	return 0;
}

static int daemon_upstream(struct daemon *daemon) {
	const char *asked = daemon->options->upstream, *wanted = daemon_wanted_upstream(daemon);
	struct guard *guard = &daemon->guard;
	bool is_managed = daemon_manages(wanted);

	if (asked != NULL && !daemon_is_same_upstream(asked, wanted)) {
		diag_error("--upstream %s: the system floor %s says upstream: %s (leave the option "
		           "out)",
		           asked, FLOOR_PATH, wanted);
		daemon->status = 2;
		return -EPERM;
	}
	daemon->upstream = strdup(wanted);
	if (daemon->upstream == NULL)
		return -ENOMEM;
	guard->upstream.answer_s = daemon->options->answer_s;
	guard->upstream.managed = is_managed;
	guard->upstream_name = daemon->upstream;
	return is_managed ? daemon_managed(daemon) : daemon_foreign(daemon, daemon->upstream);
}

/* Sockets beside the default one: the policy's, and those of `exec`. */
static int daemon_ways_in(struct daemon *daemon) {
	const struct daemon_options *options = daemon->options;
	struct guard *guard = &daemon->guard;
	int error = doors_new(&daemon->doors, guard->loop,
	                      &(struct doors_calls){daemon_accept_at, daemon_on_paused,
	                                            daemon_on_door_failed, daemon_on_door_replaced,
	                                            daemon_is_forbidden, daemon});

	if (error == 0)
		error = guests_new(
			&daemon->guests, guard->loop,
			&(struct guests_places){options->runtime, options->policy, options->state},
			&(struct guests_calls){daemon_accept_at, daemon_on_paused, daemon_on_guest,
		                               daemon});
	return error;
}

static int daemon_modules(struct daemon *daemon) {
	struct guard *guard = &daemon->guard;
	int error = journal_new(&guard->journal, guard->state_fd);

	if (error < 0) {
		diag_error("%s/events: %s", daemon->options->state, strerror(-error));
		return error;
	}
	error = daemon_ways_in(daemon);
	if (error == 0)
		error = guard_copy_log(guard);
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
		error = reload_new(&daemon->reload, guard, daemon_on_reloaded, daemon_on_policy,
		                   daemon);
	if (error == 0)
		error = panic_new(&daemon->panic, guard);
	if (error == 0)
		error = hosts_new(&guard->hosts, guard, daemon_on_hosts, daemon);
	if (error == 0)
		error = teller_new(&guard->teller, guard);
	if (error == 0)
		error = renderers_new(&guard->renderers, guard);
	if (error == 0)
		error = asker_new(&guard->asker, guard, daemon->options->pending);
	if (error < 0) {
		diag_error("start: %s", strerror(-error));
		return error;
	}
	ev_io_init(&daemon->hung_up, daemon_on_hung_up, hangups_fd(guard->hangups), EV_READ);
	daemon->hung_up.data = guard;
	ev_io_start(guard->loop, &daemon->hung_up);
	guard->on_room = daemon_on_room;
	guard->on_room_data = daemon;
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
	daemon->hangup.data = daemon;
	ev_signal_start(daemon->guard.loop, &daemon->hangup);
	ending_init(&daemon->ending, &daemon->guard);
}

static void daemon_end(struct daemon *daemon) {
	struct guard *guard = &daemon->guard;
	const char *managed_agent; /* its name, which is static */

	service_stopping(guard->service);
	guard->on_room = NULL;
	signer_free(TAKE(guard->signer));
	teller_free(TAKE(guard->teller));
	runtime_free(daemon->runtime);
	reload_free(daemon->reload);
	listener_free(daemon->listener);
	doors_free(TAKE(daemon->doors));
	guests_free(TAKE(daemon->guests));
	connections_end(guard);
	managed_agent = daemon->managed != NULL ? managed_name(daemon->managed) : NULL;
	managed_free(TAKE(daemon->managed));
	lock_free(TAKE(guard->lock));
	panic_free(TAKE(daemon->panic));
	if (daemon->serving) {
		guard_tell_repeats(guard);
		ending_tell(&daemon->ending, managed_agent);
		guard_status_write(guard, true);
	}
	renderers_free(TAKE(guard->renderers));
	if (guard->loop != NULL) {
		ev_io_stop(guard->loop, &daemon->hung_up);
		ev_timer_stop(guard->loop, &guard->status_soon);
		ev_timer_stop(guard->loop, &guard->repeats_soon);
		ev_signal_stop(guard->loop, &daemon->hangup);
		ending_deinit(&daemon->ending);
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
	buffer_deinit(&guard->previous);
	free(guard->notice);
	free(guard->reload_error);
	free(daemon->upstream);
	close_fd(&daemon->lock_fd);
	close_fd(&guard->state_fd);
	service_free(TAKE(guard->service));
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
	return 0; /* goes on in daemon_on_hosts() */
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
	                  .state = options->state,
	                  .policy_path = options->policy,
	                  .state_asked = options->state_asked,
	                  .socket_path = options->socket,
	                  .since_us = clock_real_us()},
		.lock_fd = -1,
	};
	int error;

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
	if (!platform_tells_own_user()) {
		diag_error(
			"start: the guard's user has no number in this user namespace, and looks "
			"like every other that has none (have it mapped, or start the guard "
			"outside of unshare -U)");
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
	/* Before the first child. */
	error = service_new(&daemon.guard.service, daemon.guard.loop, options->is_service);
	if (error < 0) {
		diag_error("start: %s", strerror(-error));
		return 1;
	}
	daemon_signals(&daemon);
	ev_init(&daemon.hung_up, daemon_on_hung_up);
	if (daemon_start(&daemon) < 0)
		daemon.status = daemon.status != 0 ? daemon.status : 1;
	else if (daemon.status == 0)
		ev_run(daemon.guard.loop, 0);
	daemon_end(&daemon);
	return daemon.status;
}
