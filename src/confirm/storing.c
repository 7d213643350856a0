#include "confirm/storing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/file.h"
#include "platform/child.h"

struct storing {
	struct ev_loop *loop;
	storing_done *done;
	void *data;
	pid_t pid; /* 0: it has been waited for */
	ev_child child;
	ev_timer limit;
};

/* The directory is what it speaks with its parent by: nothing is said but its end. */
static _Noreturn void child_run(int dir_fd, const char *name, struct bytes text, pid_t parent) {
	if (child_begin(dir_fd, parent) < 0)
		_exit(1);
	_exit(file_replace_durably(CHILD_CHANNEL_FD, name, text) < 0 ? 1 : 0);
}

static void storing_end(struct storing *storing, int error) {
	storing_done *done = storing->done;
	void *data = storing->data;

	storing_cancel(storing);
	done(data, error);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct storing *storing = watcher->data;
	int status = watcher->rstatus;

	(void)loop, (void)revents;
	storing->pid = 0;
	storing_end(storing, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	storing_end(watcher->data, -ETIMEDOUT);
}

int storing_start(struct storing **ret, struct ev_loop *loop, int dir_fd, const char *name,
                  struct bytes text, storing_done *done, void *data) {
	struct storing *storing = calloc(1, sizeof(*storing));
	pid_t parent = getpid();

	if (storing == NULL)
		return -ENOMEM;
	*storing = (struct storing){.loop = loop, .done = done, .data = data};
	storing->pid = child_fork();
	if (storing->pid == 0)
		child_run(dir_fd, name, text, parent);
	ev_child_init(&storing->child, on_child, storing->pid, 0);
	ev_timer_init(&storing->limit, on_limit, STORING_LIMIT_S, 0.);
	storing->child.data = storing->limit.data = storing;
	if (storing->pid < 0) {
		free(storing);
		return -EAGAIN;
	}
	ev_now_update(loop);
	ev_child_start(loop, &storing->child);
	ev_timer_start(loop, &storing->limit);
	*ret = storing;
	return 0;
}

void storing_cancel(struct storing *storing) {
	if (storing == NULL)
		return;
	ev_child_stop(storing->loop, &storing->child);
	ev_timer_stop(storing->loop, &storing->limit);
	/* The loop waits for whoever ends. */
	if (storing->pid > 0)
		kill(storing->pid, SIGKILL);
	free(storing);
}
