#include "agent/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/fetch_child.h"
#include "platform/child.h"
#include "platform/platform.h"

#define CHUNK_LEN 16384

/* A fetch is over when its child is, whose number can be killed until then. */
enum phase {
	PHASE_IDLE,
	PHASE_READING, /* there is a child, and its pipe */
	PHASE_ENDING,  /* it has said all; the child is about to end */
	PHASE_KILLED,  /* it has taken too long; the child may be slow to die */
};

struct fetcher {
	struct ev_loop *loop;
	fetch_done *done;
	void *data;
	enum phase phase;
	pid_t pid;
	int fd;
	ev_io readable;
	ev_timer deadline;
	ev_child ended;
	size_t n_paths;
	size_t len_max; /* of all that the child may say */
	struct buffer answer;
};

static void fetcher_close(struct fetcher *fetcher) {
	ev_io_stop(fetcher->loop, &fetcher->readable);
	close_fd(&fetcher->fd);
}

/* The last thing that its callers do: whoever is called may start again, or let go of it. */
static void fetcher_deliver(struct fetcher *fetcher, int error) {
	struct buffer answer = fetcher->answer;
	struct fetched *files = NULL;

	fetcher->answer = (struct buffer){0};
	if (error == 0)
		files = calloc(fetcher->n_paths, sizeof(*files));
	if (error == 0 && files == NULL)
		error = -ENOMEM;
	if (error == 0 && fetched_decode(files, fetcher->n_paths, buffer_bytes(&answer)) < 0)
		error = -EIO;
	fetcher->done(fetcher->data, error, error == 0 ? files : NULL);
	free(files);
	buffer_deinit(&answer);
}

static void fetcher_kill(struct fetcher *fetcher) {
	fetcher_close(fetcher);
	ev_timer_stop(fetcher->loop, &fetcher->deadline);
	kill(fetcher->pid, SIGKILL);
	fetcher->phase = PHASE_KILLED;
}

/* 1: there may be more; 0: that was all; -EAGAIN: no more for now; -ENOMEM. */
static int read_some(struct fetcher *fetcher) {
	uint8_t chunk[CHUNK_LEN];
	ssize_t len = read(fetcher->fd, chunk, sizeof(chunk));

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (len <= 0)
		return 0;
	buffer_put_raw(&fetcher->answer, (struct bytes){chunk, (size_t)len});
	if (fetcher->answer.len > fetcher->len_max)
		return -ENOMEM;
	return buffer_error(&fetcher->answer) < 0 ? -ENOMEM : 1;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct fetcher *fetcher = watcher->data;
	int result = read_some(fetcher);

	(void)loop, (void)revents;
	if (result == 0) {
		fetcher_close(fetcher);
		fetcher->phase = PHASE_ENDING;
	} else if (result == -ENOMEM) {
		fetcher_kill(fetcher);
		fetcher_deliver(fetcher, -ENOMEM);
	}
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct fetcher *fetcher = watcher->data;

	(void)loop, (void)revents;
	fetcher_kill(fetcher);
	fetcher_deliver(fetcher, -ETIMEDOUT);
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct fetcher *fetcher = watcher->data;
	enum phase phase = fetcher->phase;
	int error = watcher->rstatus == 0 ? 0 : -EIO;

	(void)revents;
	ev_child_stop(loop, watcher);
	ev_timer_stop(loop, &fetcher->deadline);
	fetcher->phase = PHASE_IDLE;
	if (phase == PHASE_KILLED)
		return;
	/* Its end may be heard of before what it said last. */
	if (phase == PHASE_READING) {
		int result;

		do
			result = read_some(fetcher);
		while (result > 0);
		if (result < 0)
			error = result;
	}
	fetcher_close(fetcher);
	fetcher_deliver(fetcher, error);
}

int fetcher_new(struct fetcher **ret, struct ev_loop *loop, fetch_done *done, void *data) {
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (fetcher == NULL)
		return -ENOMEM;
	*fetcher = (struct fetcher){.loop = loop, .done = done, .data = data, .fd = -1};
	ev_init(&fetcher->readable, on_readable);
	ev_init(&fetcher->deadline, on_deadline);
	ev_init(&fetcher->ended, on_ended);
	fetcher->readable.data = fetcher->deadline.data = fetcher->ended.data = fetcher;
	*ret = fetcher;
	return 0;
}

void fetcher_free(struct fetcher *fetcher) {
	if (fetcher == NULL)
		return;
	if (fetcher->phase == PHASE_READING || fetcher->phase == PHASE_ENDING)
		fetcher_kill(fetcher);
	ev_child_stop(fetcher->loop, &fetcher->ended);
	buffer_deinit(&fetcher->answer);
	free(fetcher);
}

static int fork_child(struct fetcher *fetcher, const struct fetch_plan *plan) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2], error;

	error = platform_pipe(pair, true);
	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	fetcher->pid = child_fork();
	if (fetcher->pid == 0)
		fetch_child_run(theirs, plan, parent);
	if (fetcher->pid < 0)
		return -EAGAIN;
	fetcher->fd = take_fd(&ours);
	return 0;
}

int fetcher_start(struct fetcher *fetcher, const struct fetch_plan *plan) {
	int error;

	if (fetcher->phase != PHASE_IDLE)
		return -EBUSY;
	if (plan->n_paths == 0 || plan->n_paths > FETCH_FILES_MAX)
		return -EINVAL;
	error = fork_child(fetcher, plan);
	if (error < 0)
		return error;
	fetcher->phase = PHASE_READING;
	fetcher->n_paths = plan->n_paths;
	fetcher->len_max = plan->n_paths * (plan->len_max + FETCHED_OVERHEAD);
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_child_set(&fetcher->ended, fetcher->pid, 0);
	ev_set_priority(&fetcher->ended, EV_MAXPRI);
	ev_child_start(fetcher->loop, &fetcher->ended);
	ev_io_set(&fetcher->readable, fetcher->fd, EV_READ);
	ev_io_start(fetcher->loop, &fetcher->readable);
	ev_now_update(fetcher->loop);
	ev_timer_set(&fetcher->deadline, FETCH_DEADLINE_S, 0.);
	ev_timer_start(fetcher->loop, &fetcher->deadline);
	return 0;
}
