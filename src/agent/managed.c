#include "agent/managed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/gpg_socket.h"
#include "agent/hideout.h"
#include "agent/local.h"
#include "agent/managed_child.h"
#include "base/diag.h"
#include "platform/platform.h"

#define OUTPUT_LEN_MAX 512
#define END_WAIT_MS    2000 /* ssh-agent ends at once; a stopped one is killed */

/* What every agent answers without looking for keys: gpg-agent would ask a card for them. */
static const uint8_t hello[] = {0, 0, 0, 10, 27, 0, 0, 0, 5, 'q', 'u', 'e', 'r', 'y'};

struct managed {
	struct ev_loop *loop;
	char *program;
	struct hideout *hideout;
	struct gpg_socket *gpg; /* NULL: it is an ssh-agent */
	managed_changed *changed;
	void *data;

	pid_t pid; /* 0 while there is none */
	enum managed_state state;
	int output_fd;
	char output[OUTPUT_LEN_MAX]; /* what it said so far, for the reason where it fails to start
	                              */
	size_t output_len;
	ev_io readable;
	int hello_fd; /* to a gpg-agent that is to be up, which does not say so by itself; or -1 */
	ev_io greeted;
	ev_child child;
	ev_stat place;  /* of its socket */
	ev_timer timer; /* until it must be up; or until it is started again */
	double started_at, restart_s;
};

static void managed_set(struct managed *managed, enum managed_state state, const char *detail) {
	managed->state = state;
	managed->changed(managed->data, state, detail);
}

static void managed_restart_later(struct managed *managed) {
	if (ev_now(managed->loop) - managed->started_at >= STEADY_S)
		managed->restart_s = RESTART_MIN_S;
	ev_timer_stop(managed->loop, &managed->timer);
	ev_timer_set(&managed->timer, managed->restart_s, 0.);
	ev_timer_start(managed->loop, &managed->timer);
	managed->restart_s = managed->restart_s * 2 < RESTART_MAX_S ? managed->restart_s * 2
	                                                            : RESTART_MAX_S;
}

static void managed_failed(struct managed *managed, const char *what, int error) {
	char detail[256];

	snprintf(detail, sizeof(detail), "%s: %s", what,
	         error == -EPERM    ? "the system forbids executable memory files (see sysctl "
	                              "vm.memfd_noexec, or use --upstream PATH)"
	         : error == -EACCES ? "it belongs to somebody else, or others can write to it"
	                            : strerror(-error));
	managed_restart_later(managed);
	managed_set(managed, MANAGED_DOWN, detail);
}

/* Its listener is there before it is, so it need only answer. */
static int say_hello(struct managed *managed) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address;
	int error = local_address(&address, hideout_address(managed->hideout), 0);

	if (error == 0)
		error = platform_socket(&fd, false);
	if (error < 0)
		return error;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(fd, hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello))
		return -errno;
	managed->hello_fd = take_fd(&fd);
	ev_io_set(&managed->greeted, managed->hello_fd, EV_READ);
	ev_io_start(managed->loop, &managed->greeted);
	return 0;
}

static void stop_hello(struct managed *managed) {
	ev_io_stop(managed->loop, &managed->greeted);
	close_fd(&managed->hello_fd);
}

/* The sockets of a gpg-agent, of which its own is kept. */
static int make_listeners(struct managed *managed, int *ret_ssh_fd) {
	CLEANUP(free_pointer) char *why = NULL;
	int error = gpg_socket_listen(managed->gpg, &why);

	if (error < 0) {
		managed_failed(managed, why != NULL ? why : "gpg-agent's own socket", error);
		return error;
	}
	error = hideout_listen(managed->hideout, ret_ssh_fd);
	if (error < 0)
		managed_failed(managed, "no socket for gpg-agent", error);
	return error;
}

static void await(struct managed *managed, pid_t pid, int output_fd) {
	managed->pid = pid;
	managed->state = MANAGED_STARTING;
	managed->output_fd = output_fd;
	managed->output_len = 0;
	managed->output[0] = '\0';
	ev_io_set(&managed->readable, output_fd, EV_READ);
	ev_io_start(managed->loop, &managed->readable);
	ev_child_set(&managed->child, pid, 0);
	ev_child_start(managed->loop, &managed->child);
	ev_timer_stop(managed->loop, &managed->timer);
	ev_timer_set(&managed->timer, START_TIMEOUT_S, 0.);
	ev_timer_start(managed->loop, &managed->timer);
}

static void fork_child(struct managed *managed, int image_fd, int ssh_fd) {
	struct managed_child child = {.hideout = managed->hideout,
	                              .image_fd = image_fd,
	                              .std_fd = -1,
	                              .ssh_fd = ssh_fd,
	                              .parent = getpid()};
	int output[2];
	pid_t pid;
	int error = platform_pipe(output, false);

	if (error < 0) {
		managed_failed(managed, managed->program, error);
		return;
	}
	child.output_fd = output[1];
	if (managed->gpg != NULL)
		child.std_fd = gpg_socket_fd(managed->gpg);
	child.environment = managed_environment();
	pid = child.environment != NULL ? fork() : -1;
	error = -errno;
	if (pid == 0)
		managed_child_run(&child);
	managed_environment_free(child.environment);
	close(output[1]);
	if (pid < 0) {
		close(output[0]);
		managed_failed(managed, "fork", error);
		return;
	}
	await(managed, pid, output[0]);
}

void managed_start(struct managed *managed) {
	CLEANUP(close_fd) int image = -1;
	CLEANUP(close_fd) int ssh_fd = -1;
	int error = hideout_prepare(managed->hideout);

	managed->started_at = ev_now(managed->loop);
	if (error < 0) {
		managed_failed(managed, "no directory for its socket", error);
		return;
	}
	error = platform_program_image(&image, managed->program);
	if (error < 0) {
		managed_failed(managed, managed->program, error);
		return;
	}
	if (managed->gpg != NULL && make_listeners(managed, &ssh_fd) < 0)
		return;
	fork_child(managed, image, ssh_fd);
	close_fd(&ssh_fd);
	/* Where that fails, it is killed when its time is over, as one that does not answer. */
	if (managed->gpg != NULL && managed->pid > 0 && say_hello(managed) < 0)
		diag_debug("gpg-agent's socket cannot be reached");
}

static void managed_is_up(struct managed *managed) {
	ev_timer_stop(managed->loop, &managed->timer);
	if (!hideout_is_hidden(managed->hideout)) {
		ev_stat_set(&managed->place, hideout_address(managed->hideout), 0.);
		ev_stat_start(managed->loop, &managed->place);
	}
	managed_set(managed, MANAGED_UP, NULL);
}

static void on_greeted(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct managed *managed = watcher->data;
	uint8_t answer[64]; /* a failure has five bytes */
	ssize_t len = recv(managed->hello_fd, answer, sizeof(answer), 0);

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	stop_hello(managed);
	if (len > 0)
		managed_is_up(managed);
}

/* It names its socket once that listens. Everything later is for --verbose. */
static void on_output(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct managed *managed = watcher->data;
	char chunk[OUTPUT_LEN_MAX];
	ssize_t len = read(managed->output_fd, chunk, sizeof(chunk) - 1);
	size_t room = sizeof(managed->output) - 1 - managed->output_len;
	int error;

	(void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		ev_io_stop(loop, watcher);
		close_fd(&managed->output_fd);
		return;
	}
	chunk[len] = '\0';
	diag_debug("%s says: %s", managed_name(managed), chunk);
	if (managed->state != MANAGED_STARTING)
		return;
	if ((size_t)len < room)
		room = (size_t)len;
	memcpy(managed->output + managed->output_len, chunk, room);
	managed->output_len += room;
	managed->output[managed->output_len] = '\0';
	if (managed->gpg != NULL || strstr(managed->output, "SSH_AUTH_SOCK=") == NULL)
		return;
	error = hideout_claim(managed->hideout);
	if (error < 0) {
		diag_error("upstream: the socket of ssh-agent: %s", strerror(-error));
		kill(managed->pid, SIGKILL);
		return;
	}
	managed_is_up(managed);
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct managed *managed = watcher->data;
	int status = watcher->rstatus;
	char detail[OUTPUT_LEN_MAX + 128];

	(void)revents;
	/* What it said last may still be in the pipe. */
	if (managed->state == MANAGED_STARTING && managed->output_fd >= 0)
		on_output(loop, &managed->readable, EV_READ);
	ev_child_stop(loop, watcher);
	ev_stat_stop(loop, &managed->place);
	ev_io_stop(loop, &managed->readable);
	stop_hello(managed);
	close_fd(&managed->output_fd);
	managed->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(detail, sizeof(detail), "%s was ended by signal %d", managed_name(managed),
		         WTERMSIG(status));
	else
		snprintf(detail, sizeof(detail), "%s ended with status %d%s%s",
		         managed_name(managed), WEXITSTATUS(status),
		         managed->state == MANAGED_STARTING ? ": " : "",
		         managed->state == MANAGED_STARTING ? managed->output : "");
	managed_restart_later(managed);
	managed_set(managed, MANAGED_DOWN, detail);
}

static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	managed_keep(watcher->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct managed *managed = watcher->data;

	(void)loop, (void)revents;
	if (managed->pid == 0)
		managed_start(managed);
	else
		kill(managed->pid, SIGKILL); /* not up in time; on_ended() goes on */
}

int managed_new(struct managed **ret, char **ret_why, struct ev_loop *loop,
                const struct managed_options *options, managed_changed *changed, void *data) {
	struct managed *managed = calloc(1, sizeof(*managed));
	int error;

	if (managed == NULL)
		return -ENOMEM;
	*managed = (struct managed){
		.loop = loop,
		.program = strdup(options->program),
		.output_fd = -1,
		.hello_fd = -1,
		.changed = changed,
		.data = data,
		.state = MANAGED_DOWN,
		.restart_s = RESTART_MIN_S,
	};
	ev_init(&managed->readable, on_output);
	ev_init(&managed->greeted, on_greeted);
	ev_init(&managed->child, on_ended);
	ev_init(&managed->timer, on_timer);
	ev_init(&managed->place, on_place);
	managed->place.data = managed->readable.data = managed->greeted.data = managed;
	managed->child.data = managed->timer.data = managed;
	error = managed->program == NULL
	                ? -ENOMEM
	                : hideout_new(&managed->hideout, options->runtime_directory);
	if (error == 0 && options->gpgconf != NULL)
		error = gpg_socket_new(&managed->gpg, ret_why, options->gpgconf);
	if (error < 0) {
		managed_free(managed);
		return error;
	}
	*ret = managed;
	return 0;
}

void managed_keep(struct managed *managed) {
	if (managed->state == MANAGED_UP && managed->pid > 0 && hideout_is_lost(managed->hideout))
		kill(managed->pid, SIGTERM);
}

static void managed_end(struct managed *managed) {
	const struct timespec pause = {.tv_nsec = 1000000};

	kill(managed->pid, SIGTERM);
	for (int waited_ms = 0; waited_ms < END_WAIT_MS; waited_ms++) {
		if (waitpid(managed->pid, NULL, WNOHANG) != 0)
			return;
		nanosleep(&pause, NULL);
	}
	kill(managed->pid, SIGKILL);
	waitpid(managed->pid, NULL, 0);
}

void managed_free(struct managed *managed) {
	if (managed == NULL)
		return;
	ev_io_stop(managed->loop, &managed->readable);
	stop_hello(managed);
	ev_child_stop(managed->loop, &managed->child);
	ev_stat_stop(managed->loop, &managed->place);
	ev_timer_stop(managed->loop, &managed->timer);
	if (managed->pid > 0)
		managed_end(managed);
	hideout_free(managed->hideout);
	gpg_socket_free(managed->gpg);
	close_fd(&managed->output_fd);
	free(managed->program);
	free(managed);
}

const char *managed_socket(const struct managed *managed) {
	return hideout_address(managed->hideout);
}

const char *managed_name(const struct managed *managed) {
	return managed->gpg != NULL ? "gpg-agent" : "ssh-agent";
}

const char *managed_why_reachable(const struct managed *managed) {
	const char *why = hideout_why_not(managed->hideout);

	if (why == NULL && managed->gpg != NULL)
		return "its own socket, by which gpg reaches it, signs as well (only its socket "
		       "for ssh is hidden)";
	return why;
}
