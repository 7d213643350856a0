#include "caller/reader_life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "caller/reader_child.h"
#include "platform/child.h"

#define BACK_OFF_MS     10 /* after the second failure in a row, doubled with each further one */
#define BACK_OFF_MAX_MS 1000

struct reader_child {
	ev_child watcher; /* first: the watcher's address is the child's */
	struct reader_child *next;
	pid_t pid; /* 0: reaped */
};

static bool is_default_loop(struct ev_loop *loop) {
	return ev_is_default_loop(loop) != 0;
}

static void unlink_child(struct reader_child **list, struct reader_child *child) {
	while (*list != child)
		list = &(*list)->next;
	*list = child->next;
}

/* libev's default loop reaps every child itself, and tells us here. */
static void on_reaped(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct reader_child *child = (struct reader_child *)watcher;
	struct reader_life *life = watcher->data;

	(void)revents;
	ev_child_stop(loop, watcher);
	child->pid = 0;
	if (child != life->child) {
		unlink_child(&life->dying, child);
		free(child);
	}
}

/* In another loop nobody but us does. Never waits. */
static void reap(struct reader_life *life) {
	struct reader_child *next;

	if (is_default_loop(life->loop))
		return;
	for (struct reader_child *child = life->dying; child != NULL; child = next) {
		next = child->next;
		if (waitpid(child->pid, NULL, WNOHANG) == 0)
			continue;
		unlink_child(&life->dying, child);
		free(child);
	}
}

void reader_life_end(struct reader_life *life) {
	struct reader_child *child = TAKE(life->child);

	if (child == NULL)
		return;
	close_fd(&life->fd);
	/* A number that was reaped may be somebody else's by now. */
	if (child->pid != 0) {
		kill(child->pid, SIGKILL);
		child->next = life->dying;
		life->dying = child;
	} else {
		free(child);
	}
	reap(life);
}

void reader_life_failed(struct reader_life *life) {
	unsigned doublings = life->failures > 1 ? life->failures - 1 : 0;
	uint64_t delay_ms = life->failures > 0 ? BACK_OFF_MS : 0;

	while (doublings-- > 0 && delay_ms < BACK_OFF_MAX_MS)
		delay_ms *= 2;
	if (delay_ms > BACK_OFF_MAX_MS)
		delay_ms = BACK_OFF_MAX_MS;
	if (life->failures < 1000)
		life->failures++;
	life->no_start_until_ns = clock_mono_ns() + delay_ms * 1000000;
}

void reader_life_served(struct reader_life *life) {
	life->failures = 0;
}

static int fork_child(struct reader_life *life, struct reader_child *child) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2], error;

	error = platform_message_pair(pair);
	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	child->pid = child_fork();
	if (child->pid == 0)
		reader_child_run(theirs, parent, life->env_names);
	if (child->pid < 0)
		return -EAGAIN;
	life->fd = take_fd(&ours);
	return 0;
}

static int spawn(struct reader_life *life) {
	CLEANUP(free_pointer) struct reader_child *child = calloc(1, sizeof(*child));
	int error;

	reap(life);
	if (child == NULL)
		return -ENOMEM;
	error = fork_child(life, child);
	if (error < 0)
		return error;
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_child_init(&child->watcher, on_reaped, child->pid, 0);
	ev_set_priority(&child->watcher, EV_MAXPRI);
	child->watcher.data = life;
	if (is_default_loop(life->loop))
		ev_child_start(life->loop, &child->watcher);
	life->child = TAKE(child);
	return 0;
}

int reader_life_start(struct reader_life *life) {
	int error;

	if (clock_mono_ns() < life->no_start_until_ns)
		return -EAGAIN;
	error = spawn(life);
	if (error < 0)
		reader_life_failed(life);
	return error;
}

int reader_life_time(struct child_time *ret, const struct reader_life *life) {
	if (life->child == NULL || life->child->pid == 0)
		return -ESRCH;
	return platform_child_time(ret, life->child->pid);
}

int reader_life_init(struct reader_life *life, struct ev_loop *loop) {
	*life = (struct reader_life){.loop = loop, .fd = -1};
	return env_names_new(&life->env_names, NULL, 0);
}

void reader_life_deinit(struct reader_life *life) {
	struct reader_child *next;

	reader_life_end(life);
	for (struct reader_child *child = life->dying; child != NULL; child = next) {
		next = child->next;
		ev_child_stop(life->loop, &child->watcher);
		free(child);
	}
	life->dying = NULL;
	env_names_free(life->env_names);
	life->env_names = NULL;
}
