#include "caller/reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cursor.h"
#include "caller/caller.h"

#define ANSWER_LEN_MAX	  (256 * 1024) /* caller.c's bounds on argv and paths lie below */
#define READER_STARVED_MS 2000	       /* a machine this busy has other troubles */
#define FORK_RETRY_S	  0.1	       /* when no process could be made */
#define FORK_STREAK_MAX	  10	       /* replaced so often in a row, a reader waits for its time */

struct reader_job {
	struct reader *reader;
	struct reader_job *next;
	struct peer peer; /* our own copy of the pidfd */
	uint32_t id;
	bool sent;
	reader_done *done;
	void *data;
};

struct reader {
	struct ev_loop *loop;
	pid_t pid; /* 0: there is none */
	int fd;
	ev_io readable;
	ev_child child;
	ev_timer deadline; /* of the first job */
	ev_timer later;	   /* answers what could not be asked; makes a new process */
	struct reader_job *first, *last;
	uint32_t next_id;
	unsigned starved_ms; /* granted to the first job beyond its deadline */
	unsigned streak;     /* processes lost in a row without an answer */
};

/* ---- in the child ---- */

static void serve_one(int fd, struct bytes request) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	struct cursor cursor = cursor_over(request);
	struct peer peer = {.known = true, .pidfd = -1};
	uint32_t id = cursor_u32(&cursor);
	struct caller *caller = NULL;

	peer.pid = (pid_t)cursor_u32(&cursor);
	peer.uid = cursor_u32(&cursor);
	peer.gid = cursor_u32(&cursor);
	if (cursor_finish(&cursor) < 0 || caller_read(&caller, &peer) < 0)
		_exit(1);
	buffer_put_u32(&answer, id);
	caller_encode(&answer, caller);
	caller_free(caller);
	if (buffer_error(&answer) < 0 ||
	    send(fd, answer.data, answer.len, MSG_NOSIGNAL) != (ssize_t)answer.len)
		_exit(1);
}

static _Noreturn void child_run(int fd, pid_t parent) {
	uint8_t request[64];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the guard, which ends us */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	if (platform_die_with_parent(parent) < 0)
		_exit(1);
	platform_close_others(fd);
	for (;;) {
		ssize_t len = recv(fd, request, sizeof(request), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			_exit(0);
		serve_one(fd, (struct bytes){request, (size_t)len});
	}
}

/* ---- in the guard ---- */

static void reader_pump(struct reader *reader);

static void reader_lose(struct reader *reader) {
	ev_io_stop(reader->loop, &reader->readable);
	ev_timer_stop(reader->loop, &reader->deadline);
	close_fd(&reader->fd);
	if (reader->pid > 0) {
		/* It may hang in the kernel for as long as it likes: the loop collects it one day.
		 */
		kill(reader->pid, SIGKILL);
		ev_child_stop(reader->loop, &reader->child);
	}
	reader->pid = 0;
	for (struct reader_job *job = reader->first; job != NULL; job = job->next)
		job->sent = false;
}

static int reader_fork(struct reader *reader) {
	const int send_len = ANSWER_LEN_MAX;
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &send_len, sizeof(send_len));
	pid = fork();
	if (pid == 0)
		child_run(pair[1], parent);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	reader->pid = pid;
	reader->fd = pair[0];
	ev_io_set(&reader->readable, reader->fd, EV_READ);
	ev_io_start(reader->loop, &reader->readable);
	ev_child_set(&reader->child, pid, 0);
	ev_child_start(reader->loop, &reader->child);
	return 0;
}

static void job_unlink(struct reader_job *job) {
	struct reader *reader = job->reader;
	struct reader_job *previous = NULL;

	for (struct reader_job *at = reader->first; at != job; at = at->next)
		previous = at;
	if (previous != NULL)
		previous->next = job->next;
	else
		reader->first = job->next;
	if (reader->last == job)
		reader->last = previous;
}

static void job_free(struct reader_job *job) {
	peer_deinit(&job->peer);
	free(job);
}

/* Takes the caller over. Where even a refusal finds no memory, the guard cannot go on. */
static void job_finish(struct reader_job *job, struct caller *caller, const char *reason) {
	reader_done *done = job->done;
	void *data = job->data;

	if (caller != NULL && !platform_peer_alive(&job->peer)) {
		caller->state = CALLER_UNKNOWN;
		caller->reason = "caller-changed";
	}
	if (caller == NULL && caller_new_unknown(&caller, &job->peer, reason) < 0)
		abort();
	job_unlink(job);
	job_free(job);
	done(data, caller);
}

/* The first job hangs, or its answer is nonsense: it alone pays for it. */
static void reader_replace(struct reader *reader) {
	struct reader_job *guilty = reader->first;

	reader_lose(reader);
	reader->streak++;
	if (guilty != NULL)
		job_finish(guilty, NULL, "caller-unreadable");
	reader_pump(reader);
}

static int job_send(struct reader *reader, struct reader_job *job) {
	CLEANUP(buffer_deinit) struct buffer request = {0};

	buffer_put_u32(&request, job->id);
	buffer_put_u32(&request, (uint32_t)job->peer.pid);
	buffer_put_u32(&request, job->peer.uid);
	buffer_put_u32(&request, job->peer.gid);
	if (buffer_error(&request) < 0)
		return buffer_error(&request);
	if (send(reader->fd, request.data, request.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	job->sent = true;
	return 0;
}

static void reader_later(struct reader *reader) {
	if (ev_is_active(&reader->later))
		return;
	ev_timer_set(&reader->later, FORK_RETRY_S, 0.);
	ev_timer_start(reader->loop, &reader->later);
}

/* One at a time: the deadline is then exactly that of the one being read. */
static void reader_pump(struct reader *reader) {
	struct reader_job *job = reader->first;

	if (job == NULL || job->sent || ev_is_active(&reader->later))
		return;
	if (reader->streak >= FORK_STREAK_MAX || (reader->pid == 0 && reader_fork(reader) < 0)) {
		reader_later(reader);
		return;
	}
	if (job_send(reader, job) < 0) {
		reader_lose(reader);
		reader->streak++;
		reader_later(reader);
		return;
	}
	reader->starved_ms = 0;
	ev_timer_stop(reader->loop, &reader->deadline);
	ev_now_update(
		reader->loop); /* a turn of the loop that took long is not the reader's fault */
	ev_timer_set(&reader->deadline, READER_DEADLINE_MS / 1000., 0.);
	ev_timer_start(reader->loop, &reader->deadline);
}

/* Takes the answer to the first job, if there is one. false: nothing has come. */
static bool reader_receive(struct reader *reader) {
	static uint8_t answer[ANSWER_LEN_MAX]; /* one for all: it is taken apart at once */
	struct reader_job *job = reader->first;
	struct caller *caller = NULL;
	struct cursor cursor;
	ssize_t len = recv(reader->fd, answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	cursor = cursor_over((struct bytes){answer, len > 0 ? (size_t)len : 0});
	if (len <= 0 || (size_t)len > sizeof(answer) || job == NULL || !job->sent ||
	    cursor_u32(&cursor) != job->id || caller_decode(&caller, cursor_rest(&cursor)) < 0) {
		reader_replace(reader);
		return true;
	}
	ev_timer_stop(reader->loop, &reader->deadline);
	reader->streak = 0;
	job_finish(job, caller, NULL);
	reader_pump(reader);
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	reader_receive(watcher->data);
}

/* On a machine that has more to do than it can, we may be late ourselves, with the answer waiting
 * here; or the reader may not have had its turn. Neither is the caller's doing. */
static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct reader *reader = watcher->data;

	(void)revents;
	if (reader_receive(reader))
		return;
	if (reader->starved_ms < READER_STARVED_MS && platform_is_runnable(reader->pid)) {
		reader->starved_ms += READER_DEADLINE_MS;
		ev_timer_set(watcher, READER_DEADLINE_MS / 1000., 0.);
		ev_timer_start(loop, watcher);
		return;
	}
	reader_replace(reader);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct reader *reader = watcher->data;

	(void)loop, (void)revents;
	reader->pid = 0;
	ev_child_stop(reader->loop, watcher);
	reader_replace(reader);
}

static void on_later(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct reader *reader = watcher->data;

	(void)loop, (void)revents;
	reader->streak = 0;
	/* Nobody waits for a process that may never come. */
	while (reader->pid == 0 && reader->first != NULL && reader_fork(reader) < 0)
		job_finish(reader->first, NULL, "caller-unreadable");
	reader_pump(reader);
}

int reader_new(struct reader **ret, struct ev_loop *loop) {
	struct reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (reader == NULL)
		return -ENOMEM;
	reader->loop = loop;
	reader->fd = -1;
	ev_init(&reader->readable, on_readable);
	ev_init(&reader->child, on_child);
	ev_init(&reader->deadline, on_deadline);
	ev_init(&reader->later, on_later);
	reader->readable.data = reader->child.data = reader;
	reader->deadline.data = reader->later.data = reader;
	error = reader_fork(reader);
	if (error < 0) {
		free(reader);
		return error;
	}
	*ret = reader;
	return 0;
}

void reader_free(struct reader *reader) {
	if (reader == NULL)
		return;
	reader_lose(reader);
	ev_timer_stop(reader->loop, &reader->later);
	while (reader->first != NULL)
		reader_cancel(reader->first);
	free(reader);
}

int reader_ask(struct reader_job **ret_job, struct reader *reader, const struct peer *writer,
	       reader_done *done, void *data) {
	struct reader_job *job = calloc(1, sizeof(*job));

	assert(writer->known);
	if (job == NULL)
		return -ENOMEM;
	*job = (struct reader_job){.reader = reader,
				   .peer = *writer,
				   .id = reader->next_id++,
				   .done = done,
				   .data = data};
	if (writer->pidfd >= 0) {
		job->peer.pidfd = fcntl(writer->pidfd, F_DUPFD_CLOEXEC, 0);
		if (job->peer.pidfd < 0) {
			int error = -errno;

			free(job);
			return error;
		}
	}
	if (reader->last != NULL)
		reader->last->next = job;
	else
		reader->first = job;
	reader->last = job;
	*ret_job = job;
	reader_pump(reader);
	return 0;
}

static void drop(void *data, struct caller *caller) {
	(void)data;
	caller_free(caller);
}

void reader_cancel(struct reader_job *job) {
	if (job == NULL)
		return;
	/* One that is being read keeps its place, because its answer will come. */
	if (job->sent && job == job->reader->first) {
		job->done = drop;
		return;
	}
	job_unlink(job);
	job_free(job);
}
