#include "confirm/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "confirm/screen_child.h"
#include "platform/child.h"
#include "platform/platform.h"

#define AGAIN_NS  UINT64_C(10000000000) /* without a login manager it ends at once */
#define STATES_FD 3                     /* where the child writes */

struct screen {
	struct ev_loop *loop;
	screen_locked *locked;
	void *data;
	enum tri is_locked;
	pid_t pid; /* 0: nobody asks */
	int fd;
	uint64_t begun_ns;
	ev_io readable;
};

static _Noreturn void child_run(int fd, pid_t parent) {
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	static const int ignored[] = {SIGPIPE, 0};

	child_signals(ignored);
	if (platform_die_with_parent(parent) == 0 && setsid() >= 0 && null_fd >= 0 &&
	    dup2(null_fd, STDIN_FILENO) >= 0 && dup2(null_fd, STDOUT_FILENO) >= 0 &&
	    dup2(null_fd, STDERR_FILENO) >= 0 && dup2(fd, STATES_FD) >= 0 &&
	    platform_close_from(STATES_FD + 1) == 0 &&
	    child_limit(CHILD_NO_PROGRAMS | CHILD_NO_CHANGES) == 0)
		screen_child_watch(STATES_FD);
	_exit(0);
}

static void stop(struct screen *screen) {
	if (screen->pid == 0)
		return;
	ev_io_stop(screen->loop, &screen->readable);
	kill(screen->pid, SIGKILL); /* the loop waits for whoever ends */
	close_fd(&screen->fd);
	screen->pid = 0;
	screen->is_locked = TRI_UNKNOWN;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct screen *screen = watcher->data;
	enum tri before = screen->is_locked;
	char states[64];
	ssize_t len = read(screen->fd, states, sizeof(states));

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		stop(screen);
		return;
	}
	for (ssize_t i = 0; i < len; i++) {
		screen->is_locked = states[i] == SCREEN_OPEN ? TRI_NO : TRI_YES;
		/* Also for a moment only. */
		if (screen->is_locked == TRI_YES && before != TRI_YES)
			screen->locked(screen->data);
		before = screen->is_locked;
	}
}

void screen_look(struct screen *screen, uint64_t now_ns) {
	pid_t parent = getpid();
	int pipe_fds[2];
	pid_t pid;

	if (screen->pid != 0 || (screen->begun_ns != 0 && now_ns < screen->begun_ns + AGAIN_NS) ||
	    platform_pipe(pipe_fds, false) < 0)
		return;
	screen->begun_ns = now_ns;
	pid = fork();
	if (pid == 0)
		child_run(pipe_fds[1], parent);
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return;
	}
	screen->pid = pid;
	screen->fd = pipe_fds[0];
	ev_io_init(&screen->readable, on_readable, screen->fd, EV_READ);
	screen->readable.data = screen;
	ev_io_start(screen->loop, &screen->readable);
}

enum tri screen_is_locked(const struct screen *screen) {
	return screen->is_locked;
}

int screen_new(struct screen **ret, struct ev_loop *loop, screen_locked *locked, void *data) {
	struct screen *screen = calloc(1, sizeof(*screen));

	if (screen == NULL)
		return -ENOMEM;
	*screen = (struct screen){
		.loop = loop, .locked = locked, .data = data, .is_locked = TRI_UNKNOWN, .fd = -1};
	*ret = screen;
	return 0;
}

void screen_free(struct screen *screen) {
	if (screen == NULL)
		return;
	stop(screen);
	free(screen);
}
