#include "agent/ssh_query.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "config.h"
#include "platform/child.h"
#include "platform/platform.h"

#define ANSWER_LEN_MAX (256 * 1024) /* some 10 KiB in life */

/* A host that no block of a configuration is for, so that what ssh says holds for all. */
#define NO_HOST "known-hosts.invalid"

struct ssh_query {
	struct ev_loop *loop;
	char *home;
	ssh_query_told *told;
	void *data;
	pid_t pid; /* 0: no child */
	int fd;    /* -1: it has closed its output */
	ev_io readable;
	ev_timer deadline;
	ev_child ended;
	bool again; /* it is to be asked anew when this child has ended */
	bool alone; /* it may start nothing */
	struct buffer answer;
};

/* ---- the child ---- */

/* What a configuration may name as ${...}: without it ssh says nothing at all. */
static const char *const named[] = {"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
                                    "USER", "LOGNAME"};
#define N_NAMED (sizeof(named) / sizeof(named[0]))

static size_t put_variable(char **environment, size_t n, const char *name, const char *value) {
	if (value != NULL && asprintf(&environment[n], "%s=%s", name, value) >= 0)
		n++;
	return n;
}

static void become_ssh(const char *home, char *host) {
	char program[] = SSH_PROGRAM, print[] = "-G", option[] = "-o",
	     literally[] = "CanonicalizeHostname=no", end[] = "--";
	char *const argv[] = {program, print, option, literally, end, host, NULL};
	char locale[] = "LC_ALL=C", path[] = "PATH=/usr/bin:/bin";
	char *environment[2 + 1 + N_NAMED + 1] = {locale, path};
	size_t n = put_variable(environment, 2, "HOME", home);

	for (size_t i = 0; i < N_NAMED; i++)
		n = put_variable(environment, n, named[i], getenv(named[i]));
	environment[n] = NULL;
	if (dup2(CHILD_CHANNEL_FD, STDOUT_FILENO) < 0 ||
	    fcntl(CHILD_CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0)
		return;
	execve(program, argv, environment);
}

/* With all that it may start it is one process group, which can be ended as a whole. */
static _Noreturn void child_run(int fd, const struct ssh_query *query, const char *host,
                                pid_t parent) {
	char no_host[] = NO_HOST;
	char *copy = host != NULL ? strdup(host) : no_host;

	if (copy != NULL && setpgid(0, 0) == 0 && child_begin(fd, parent) == 0 &&
	    (!query->alone || platform_forbid_children() == 0))
		become_ssh(query->home, copy);
	_exit(127);
}

/* ---- what becomes of it ---- */

static void stop_reading(struct ssh_query *query) {
	ev_io_stop(query->loop, &query->readable);
	close_fd(&query->fd);
}

/* The number is the child's as long as we have not heard of its end. */
static void kill_group(struct ssh_query *query) {
	if (query->pid <= 0)
		return;
	kill(-query->pid, SIGKILL);
	kill(query->pid, SIGKILL); /* it may not have made its group yet */
}

static void let_go(struct ssh_query *query) {
	stop_reading(query);
	ev_timer_stop(query->loop, &query->deadline);
	ev_child_stop(query->loop, &query->ended);
	query->pid = 0;
	buffer_clear(&query->answer);
}

/* The last thing that its callers do: whoever is told may ask again. */
static void tell(struct ssh_query *query, int error) {
	struct buffer answer = query->answer;

	query->answer = (struct buffer){0};
	let_go(query);
	if (query->again) {
		query->again = false;
		if (ssh_query_ask(query, NULL) == 0) {
			buffer_deinit(&answer);
			return;
		}
	}
	if (error == 0)
		error = buffer_error(&answer);
	query->told(query->data, error, error == 0 ? buffer_bytes(&answer) : (struct bytes){0});
	buffer_deinit(&answer);
}

/* 1: there may be more; 0: that was all, or all for now. */
static int read_some(struct ssh_query *query) {
	uint8_t chunk[4096];
	ssize_t len = read(query->fd, chunk, sizeof(chunk));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0 || query->answer.len + (size_t)len > ANSWER_LEN_MAX) {
		stop_reading(query);
		return 0;
	}
	buffer_put_raw(&query->answer, (struct bytes){chunk, (size_t)len});
	return 1;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	read_some(watcher->data);
}

/* What it has said is there by now. Whoever it has started may keep its output open; nobody waits
 * for that. */
static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct ssh_query *query = watcher->data;

	(void)loop, (void)revents;
	while (query->fd >= 0 && read_some(query) > 0)
		;
	tell(query, watcher->rstatus == 0 ? 0 : -EIO);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct ssh_query *query = watcher->data;

	(void)loop, (void)revents;
	kill_group(query);
	tell(query, -ETIMEDOUT);
}

/* ---- its life ---- */

int ssh_query_new(struct ssh_query **ret, struct ev_loop *loop, const char *home, bool alone,
                  ssh_query_told *told, void *data) {
	struct ssh_query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		return -ENOMEM;
	*query = (struct ssh_query){
		.loop = loop, .alone = alone, .told = told, .data = data, .fd = -1};
	ev_init(&query->readable, on_readable);
	ev_init(&query->deadline, on_deadline);
	ev_init(&query->ended, on_ended);
	query->readable.data = query->deadline.data = query->ended.data = query;
	if (home != NULL && (query->home = strdup(home)) == NULL) {
		free(query);
		return -ENOMEM;
	}
	*ret = query;
	return 0;
}

void ssh_query_free(struct ssh_query *query) {
	if (query == NULL)
		return;
	kill_group(query);
	let_go(query);
	buffer_deinit(&query->answer);
	free(query->home);
	free(query);
}

static int start(struct ssh_query *query, const char *host, int ours, int theirs) {
	pid_t parent = getpid();

	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	query->pid = child_fork();
	if (query->pid == 0)
		child_run(theirs, query, host, parent);
	if (query->pid > 0)
		return 0;
	query->pid = 0;
	return -EAGAIN;
}

int ssh_query_ask(struct ssh_query *query, const char *host) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	int pair[2];
	int error;

	if (query->pid > 0 && host != NULL)
		return -EBUSY;
	if (query->pid > 0) {
		query->again = true;
		return 0;
	}
	error = platform_pipe(pair, true);
	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	error = start(query, host, ours, theirs);
	if (error < 0)
		return error;
	query->fd = take_fd(&ours);
	ev_child_set(&query->ended, query->pid, 0);
	ev_set_priority(&query->ended, EV_MAXPRI);
	ev_child_start(query->loop, &query->ended);
	ev_io_set(&query->readable, query->fd, EV_READ);
	ev_io_start(query->loop, &query->readable);
	ev_now_update(query->loop);
	ev_timer_set(&query->deadline, SSH_QUERY_DEADLINE_S, 0.);
	ev_timer_start(query->loop, &query->deadline);
	return 0;
}

pid_t ssh_query_child(const struct ssh_query *query) {
	return query->pid;
}
