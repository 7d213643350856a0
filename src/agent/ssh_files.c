#include "agent/ssh_files.h"

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

struct ssh_files {
	struct ev_loop *loop;
	char *home;
	ssh_files_told *told;
	void *data;
	pid_t pid; /* 0: no child */
	int fd;    /* -1: it has closed its output */
	ev_io readable;
	ev_timer deadline;
	ev_child ended;
	bool again; /* it is to be asked anew when this child has ended */
	struct buffer answer;
};

/* ---- the child ---- */

static void become_ssh(const char *home) {
	static const char locale[] = "LC_ALL=C", path[] = "PATH=/usr/bin:/bin";
	char program[] = SSH_PROGRAM, print[] = "-G", option[] = "-o",
	     literally[] = "CanonicalizeHostname=no", end[] = "--", host[] = NO_HOST;
	char *const argv[] = {program, print, option, literally, end, host, NULL};
	char home_variable[4096 + 8];
	char locale_variable[sizeof(locale)], path_variable[sizeof(path)];
	char *environment[] = {locale_variable, path_variable, home_variable, NULL};

	memcpy(locale_variable, locale, sizeof(locale));
	memcpy(path_variable, path, sizeof(path));
	if (home == NULL || (size_t)snprintf(home_variable, sizeof(home_variable), "HOME=%s",
	                                     home) >= sizeof(home_variable))
		environment[2] = NULL;
	if (dup2(CHILD_CHANNEL_FD, STDOUT_FILENO) < 0 ||
	    fcntl(CHILD_CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0)
		return;
	execve(program, argv, environment);
}

/* With all that it may start it is one process group, which can be ended as a whole. */
static _Noreturn void child_run(int fd, const char *home, pid_t parent) {
	if (setpgid(0, 0) == 0 && child_begin(fd, parent) == 0)
		become_ssh(home);
	_exit(127);
}

/* ---- what becomes of it ---- */

static void stop_reading(struct ssh_files *config) {
	ev_io_stop(config->loop, &config->readable);
	close_fd(&config->fd);
}

/* The number is the child's as long as we have not heard of its end. */
static void kill_group(struct ssh_files *config) {
	if (config->pid <= 0)
		return;
	kill(-config->pid, SIGKILL);
	kill(config->pid, SIGKILL); /* it may not have made its group yet */
}

static void let_go(struct ssh_files *config) {
	stop_reading(config);
	ev_timer_stop(config->loop, &config->deadline);
	ev_child_stop(config->loop, &config->ended);
	config->pid = 0;
	buffer_clear(&config->answer);
}

/* The last thing that its callers do: whoever is told may ask again. */
static void tell(struct ssh_files *config, int error) {
	CLEANUP(ssh_known_files_deinit) struct ssh_known_files files = {0};

	if (error == 0)
		error = ssh_known_files_read(&files, buffer_bytes(&config->answer), config->home);
	let_go(config);
	if (config->again) {
		config->again = false;
		if (ssh_files_ask(config) == 0)
			return;
	}
	config->told(config->data, error, error == 0 ? &files : NULL);
}

/* 1: there may be more; 0: that was all, or all for now. */
static int read_some(struct ssh_files *config) {
	uint8_t chunk[4096];
	ssize_t len = read(config->fd, chunk, sizeof(chunk));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0 || config->answer.len + (size_t)len > ANSWER_LEN_MAX) {
		stop_reading(config);
		return 0;
	}
	buffer_put_raw(&config->answer, (struct bytes){chunk, (size_t)len});
	return 1;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	read_some(watcher->data);
}

/* What it has said is there by now. Whoever it has started may keep its output open; nobody waits
 * for that. */
static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct ssh_files *config = watcher->data;

	(void)loop, (void)revents;
	while (config->fd >= 0 && read_some(config) > 0)
		;
	tell(config, watcher->rstatus == 0 ? 0 : -EIO);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct ssh_files *config = watcher->data;

	(void)loop, (void)revents;
	kill_group(config);
	tell(config, -ETIMEDOUT);
}

/* ---- its life ---- */

int ssh_files_new(struct ssh_files **ret, struct ev_loop *loop, const char *home,
                  ssh_files_told *told, void *data) {
	struct ssh_files *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return -ENOMEM;
	*config = (struct ssh_files){.loop = loop, .told = told, .data = data, .fd = -1};
	ev_init(&config->readable, on_readable);
	ev_init(&config->deadline, on_deadline);
	ev_init(&config->ended, on_ended);
	config->readable.data = config->deadline.data = config->ended.data = config;
	if (home != NULL && (config->home = strdup(home)) == NULL) {
		free(config);
		return -ENOMEM;
	}
	*ret = config;
	return 0;
}

void ssh_files_free(struct ssh_files *config) {
	if (config == NULL)
		return;
	kill_group(config);
	let_go(config);
	buffer_deinit(&config->answer);
	free(config->home);
	free(config);
}

static int start(struct ssh_files *config, int ours, int theirs) {
	pid_t parent = getpid();

	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	config->pid = child_fork();
	if (config->pid == 0)
		child_run(theirs, config->home, parent);
	if (config->pid > 0)
		return 0;
	config->pid = 0;
	return -EAGAIN;
}

int ssh_files_ask(struct ssh_files *config) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	int pair[2];
	int error;

	if (config->pid > 0) {
		config->again = true;
		return 0;
	}
	error = platform_pipe(pair, true);
	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	error = start(config, ours, theirs);
	if (error < 0)
		return error;
	config->fd = take_fd(&ours);
	ev_child_set(&config->ended, config->pid, 0);
	ev_set_priority(&config->ended, EV_MAXPRI);
	ev_child_start(config->loop, &config->ended);
	ev_io_set(&config->readable, config->fd, EV_READ);
	ev_io_start(config->loop, &config->readable);
	ev_now_update(config->loop);
	ev_timer_set(&config->deadline, SSH_FILES_DEADLINE_S, 0.);
	ev_timer_start(config->loop, &config->deadline);
	return 0;
}

pid_t ssh_files_child(const struct ssh_files *config) {
	return config->pid;
}
