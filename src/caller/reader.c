/*
 * Our side of the reader process. Jobs are asked in order and answered in order; the one at the
 * head is what the reader works on, so only its time is measured.
 *
 * A function that calls done does it last: whoever is called may ask again, cancel, and let go of
 * the reader.
 */
#include "caller/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "caller/caller.h"
#include "caller/reader_child.h"
#include "caller/tmux.h"

#define SENT_MAX 64 /* asked ahead, so that the reader need not wait for us; far below what */
		    /* its socket holds */
#define BACK_OFF_MS     10 /* after the second failure in a row, doubled with each further one */
#define BACK_OFF_MAX_MS 1000

/* How often a reader may be given the time anew that it wants to run but is not let: 1 s in all. */
#define STARVED_MAX 20

enum job_state {
	JOB_WAITING, /* not asked yet, or to be asked again */
	JOB_SENT,
	JOB_FAILED, /* its done is called with the fallback, from the loop */
	JOB_WINDOW, /* all is read, but in which window of tmux it is; in the other list */
};

struct reader_job {
	struct reader *reader;
	struct reader_job *next;
	enum job_state state;
	uint64_t id;
	struct peer peer;
	reader_done *done; /* NULL: cancelled, kept until the reader has answered it */
	void *data;
	struct caller *fallback; /* what is said where nothing can be read; made in advance */
	struct caller *caller;   /* what was read, while it waits for its window */
	struct tmux_wait window;
};

struct reader_child {
	ev_child watcher; /* first: the watcher's address is the child's */
	struct reader_child *next;
	pid_t pid; /* 0: reaped */
};

struct reader {
	struct ev_loop *loop;
	ev_io readable;
	ev_timer deadline; /* active only while a job is being read */
	ev_timer failing;  /* active only while there is a failed job */
	int fd;            /* -1: no reader at the moment */
	struct reader_child *child;
	struct reader_child *dying; /* killed, but not reaped: one may sleep uninterruptibly */
	struct reader_job *jobs;
	struct reader_job *windows; /* those that nobody reads any more */
	struct tmux *tmux;          /* NULL: in another loop than libev's default one */
	uint64_t last_id;
	uint64_t head_begun_ns; /* since when the reader could have worked on the first job */
	unsigned starved;       /* how often it was given that time anew */
	unsigned failures;      /* in a row: readers that died, spoke nonsense or were not born */
	uint64_t no_fork_until_ns;
	struct env_names *env_names; /* what a child knows from its birth on */
	uint8_t answer[READER_ANSWER_LEN_MAX + 1];
};

static void feed(struct reader *reader);

static void job_free(struct reader_job *job) {
	peer_deinit(&job->peer);
	caller_free(job->fallback);
	caller_free(job->caller);
	free(job);
}

static void unlink_job(struct reader_job *job) {
	struct reader *reader = job->reader;
	struct reader_job **link = job->state == JOB_WINDOW ? &reader->windows : &reader->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
}

/* The last thing that its callers do. */
static void deliver(struct reader_job *job, struct caller *caller) {
	reader_done *done = job->done;
	void *data = job->data;

	if (caller == NULL)
		caller = TAKE(job->fallback);
	job_free(job);
	if (done != NULL)
		done(data, caller);
	else
		caller_free(caller);
}

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
	struct reader *reader = watcher->data;

	(void)revents;
	ev_child_stop(loop, watcher);
	child->pid = 0;
	if (child != reader->child) {
		unlink_child(&reader->dying, child);
		free(child);
	}
}

/* In another loop nobody but us does. Never waits. */
static void reap(struct reader *reader) {
	struct reader_child *next;

	if (is_default_loop(reader->loop))
		return;
	for (struct reader_child *child = reader->dying; child != NULL; child = next) {
		next = child->next;
		if (waitpid(child->pid, NULL, WNOHANG) == 0)
			continue;
		unlink_child(&reader->dying, child);
		free(child);
	}
}

/* What was asked of a reader that is gone, but what nobody waits for any more. */
static void ask_again(struct reader *reader) {
	struct reader_job *next;

	for (struct reader_job *job = reader->jobs; job != NULL; job = next) {
		next = job->next;
		if (job->state != JOB_SENT)
			continue;
		job->state = JOB_WAITING;
		if (job->done == NULL) {
			unlink_job(job);
			job_free(job);
		}
	}
}

/* Ends the reader, if there is one; what it was asked will be asked again. */
static void discard(struct reader *reader) {
	struct reader_child *child = TAKE(reader->child);

	if (child == NULL)
		return;
	ev_io_stop(reader->loop, &reader->readable);
	close_fd(&reader->fd);
	/* A number that was reaped may be somebody else's by now. */
	if (child->pid != 0) {
		kill(child->pid, SIGKILL);
		child->next = reader->dying;
		reader->dying = child;
	} else {
		free(child);
	}
	ask_again(reader);
	reap(reader);
}

static void count_failure(struct reader *reader) {
	unsigned doublings = reader->failures > 1 ? reader->failures - 1 : 0;
	uint64_t delay_ms = reader->failures > 0 ? BACK_OFF_MS : 0;

	while (doublings-- > 0 && delay_ms < BACK_OFF_MAX_MS)
		delay_ms *= 2;
	if (delay_ms > BACK_OFF_MAX_MS)
		delay_ms = BACK_OFF_MAX_MS;
	if (reader->failures < 1000)
		reader->failures++;
	reader->no_fork_until_ns = clock_mono_ns() + delay_ms * 1000000;
}

/* The child is forked with every signal blocked: one that came before it has let go of our handlers
 * would be told to our own loop. */
static int fork_child(struct reader *reader, struct reader_child *child) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2], error;
	sigset_t all, before;

	error = platform_message_pair(pair);
	if (error < 0)
		return error;
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child->pid = fork();
	if (child->pid == 0)
		reader_child_run(theirs, parent, reader->env_names);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child->pid < 0)
		return -EAGAIN;
	reader->fd = take_fd(&ours);
	return 0;
}

static int spawn(struct reader *reader) {
	CLEANUP(free_pointer) struct reader_child *child = calloc(1, sizeof(*child));
	int error;

	reap(reader);
	if (child == NULL)
		return -ENOMEM;
	error = fork_child(reader, child);
	if (error < 0)
		return error;
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_child_init(&child->watcher, on_reaped, child->pid, 0);
	ev_set_priority(&child->watcher, EV_MAXPRI);
	child->watcher.data = reader;
	if (is_default_loop(reader->loop))
		ev_child_start(reader->loop, &child->watcher);
	reader->child = TAKE(child);
	ev_io_set(&reader->readable, reader->fd, EV_READ);
	ev_io_start(reader->loop, &reader->readable);
	return 0;
}

static void fail_later(struct reader *reader, struct reader_job *job) {
	job->state = JOB_FAILED;
	if (!ev_is_active(&reader->failing)) {
		ev_timer_set(&reader->failing, 0., 0.);
		ev_timer_start(reader->loop, &reader->failing);
	}
}

static void fail_all(struct reader *reader) {
	for (struct reader_job *job = reader->jobs; job != NULL; job = job->next)
		if (job->state == JOB_WAITING)
			fail_later(reader, job);
}

static struct reader_job *first_in(struct reader *reader, enum job_state state) {
	struct reader_job *job = reader->jobs;

	while (job != NULL && job->state != state)
		job = job->next;
	return job;
}

static int send_job(struct reader *reader, struct reader_job *job) {
	CLEANUP(buffer_deinit) struct buffer request = {0};

	job->id = ++reader->last_id;
	reader_request_encode(&request, job->id, &job->peer);
	if (buffer_error(&request) < 0)
		return buffer_error(&request);
	if (send(reader->fd, request.data, request.len, MSG_NOSIGNAL) < 0)
		return -errno;
	job->state = JOB_SENT;
	return 0;
}

static void begin_head(struct reader *reader) {
	reader->head_begun_ns = clock_mono_ns();
	reader->starved = 0;
}

static void start_deadline(struct reader *reader, uint64_t left_ns) {
	ev_now_update(reader->loop);
	ev_timer_set(&reader->deadline, (double)left_ns / 1e9, 0.);
	ev_timer_start(reader->loop, &reader->deadline);
}

/* Asks what can be asked, if need be of a new reader. Calls nobody's done. */
static void feed(struct reader *reader) {
	struct reader_job *head = first_in(reader, JOB_SENT);
	struct reader_job *job = first_in(reader, JOB_WAITING);
	bool was_idle = head == NULL;
	size_t n_sent = 0;

	if (job != NULL && reader->child == NULL) {
		bool may_fork = clock_mono_ns() >= reader->no_fork_until_ns;

		if (!may_fork || spawn(reader) < 0) {
			if (may_fork)
				count_failure(reader);
			fail_all(reader);
			return;
		}
	}
	for (; head != NULL; head = head->next)
		n_sent += head->state == JOB_SENT;
	for (; job != NULL && n_sent < SENT_MAX; job = job->next) {
		/* Where its socket is full or broken, what it was sent before will be heard of. */
		if (job->state != JOB_WAITING)
			continue;
		if (send_job(reader, job) < 0)
			break;
		n_sent++;
	}
	if (n_sent == 0) {
		ev_timer_stop(reader->loop, &reader->deadline);
	} else if (was_idle) {
		begin_head(reader);
		if (!ev_is_active(&reader->deadline))
			start_deadline(reader, READER_DEADLINE_MS * (uint64_t)1000000);
	}
}

/* The reader died, or says what it was not asked: it is replaced, and so that no caller can end one
 * reader after the other, what it was at is not asked again. */
static void lost(struct reader *reader) {
	struct reader_job *head = first_in(reader, JOB_SENT);

	if (head != NULL)
		unlink_job(head);
	discard(reader);
	count_failure(reader);
	feed(reader);
	if (head != NULL)
		deliver(head, NULL);
}

/* The facts were read by PID. As long as the writer lives, no other process has had that number. */
static void check_alive(const struct reader_job *job, struct caller *caller) {
	if (caller->state == CALLER_IDENTIFIED && !platform_peer_alive(&job->peer)) {
		caller->state = CALLER_UNKNOWN;
		caller->reason = "caller-changed";
	}
}

/* What was read of the writer holds for its message, so that only its number can have become
 * somebody else's meanwhile. */
static void on_window(void *data) {
	struct reader_job *job = data;
	struct caller *caller = TAKE(job->caller);

	unlink_job(job);
	check_alive(job, caller);
	deliver(job, caller);
}

static void find_window(struct reader_job *job, struct caller *caller) {
	struct reader *reader = job->reader;

	job->window = (struct tmux_wait){.done = on_window, .data = job};
	if (reader->tmux != NULL && !tmux_ask(reader->tmux, caller, &job->window)) {
		job->state = JOB_WINDOW;
		job->caller = caller;
		job->next = reader->windows;
		reader->windows = job;
		return;
	}
	check_alive(job, caller);
	deliver(job, caller);
}

static void take_answer(struct reader *reader, struct bytes answer) {
	struct cursor cursor = cursor_over(answer);
	struct reader_job *head = first_in(reader, JOB_SENT);
	struct caller *caller = NULL;
	uint64_t id = cursor_u64(&cursor);
	int error;

	if (head == NULL || id != head->id) {
		lost(reader);
		return;
	}
	error = caller_decode(&caller, cursor_rest(&cursor));
	if (error < 0 && error != -ENOMEM) {
		lost(reader);
		return;
	}
	reader->failures = 0;
	unlink_job(head);
	begin_head(reader);
	feed(reader);
	if (caller != NULL && head->done != NULL)
		find_window(head, caller);
	else
		deliver(head, caller);
}

/* Whether there was something to receive. */
static bool receive(struct reader *reader) {
	ssize_t len = recv(reader->fd, reader->answer, sizeof(reader->answer), 0);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0)
		lost(reader);
	else
		take_answer(reader, (struct bytes){reader->answer, (size_t)len});
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	receive(watcher->data);
}

/* The reader is stuck. It is killed, and the others are asked again, but those of the same process,
 * which would only get the next one stuck. */
static void expire(struct reader *reader) {
	struct reader_job *head = first_in(reader, JOB_SENT);

	unlink_job(head);
	discard(reader);
	for (struct reader_job *job = reader->jobs; job != NULL; job = job->next)
		if (job->state == JOB_WAITING && job->peer.pid == head->peer.pid)
			fail_later(reader, job);
	feed(reader);
	deliver(head, NULL);
}

/* A busy machine is no malice of the caller's: what is stuck sleeps, or was stopped. */
static bool is_starved(struct reader *reader) {
	return reader->starved++ < STARVED_MAX && reader->child->pid != 0 &&
	       platform_child_is_runnable(reader->child->pid);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	const uint64_t limit_ns = READER_DEADLINE_MS * (uint64_t)1000000;
	struct reader *reader = watcher->data;
	uint64_t spent_ns = clock_mono_ns() - reader->head_begun_ns;

	(void)loop, (void)revents;
	if (first_in(reader, JOB_SENT) == NULL)
		return;
	if (spent_ns < limit_ns) {
		start_deadline(reader, limit_ns - spent_ns);
		return;
	}
	/* Where it was us who had no time, the answer is there. */
	start_deadline(reader, limit_ns);
	if (receive(reader) || is_starved(reader))
		return;
	expire(reader);
}

static void on_failing(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct reader *reader = watcher->data;
	struct reader_job *job = first_in(reader, JOB_FAILED);

	(void)loop, (void)revents;
	if (job == NULL)
		return;
	unlink_job(job);
	if (first_in(reader, JOB_FAILED) != NULL)
		ev_timer_start(reader->loop, &reader->failing);
	deliver(job, NULL);
}

int reader_new(struct reader **ret, struct ev_loop *loop) {
	struct reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (reader == NULL)
		return -ENOMEM;
	reader->loop = loop;
	reader->fd = -1;
	ev_io_init(&reader->readable, on_readable, -1, EV_READ);
	ev_timer_init(&reader->deadline, on_deadline, 0., 0.);
	ev_timer_init(&reader->failing, on_failing, 0., 0.);
	reader->readable.data = reader;
	reader->deadline.data = reader;
	reader->failing.data = reader;
	error = env_names_new(&reader->env_names, NULL, 0);
	if (error == 0 && is_default_loop(loop))
		error = tmux_new(&reader->tmux, loop);
	if (error == 0)
		error = spawn(reader);
	if (error < 0) {
		reader_free(reader);
		return error;
	}
	*ret = reader;
	return 0;
}

static void free_jobs(struct reader_job *job) {
	struct reader_job *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job_free(job);
	}
}

void reader_free(struct reader *reader) {
	struct reader_child *next_child;

	if (reader == NULL)
		return;
	discard(reader);
	ev_timer_stop(reader->loop, &reader->deadline);
	ev_timer_stop(reader->loop, &reader->failing);
	tmux_free(reader->tmux);
	free_jobs(reader->jobs);
	free_jobs(reader->windows);
	for (struct reader_child *child = reader->dying; child != NULL; child = next_child) {
		next_child = child->next;
		ev_child_stop(reader->loop, &child->watcher);
		free(child);
	}
	env_names_free(reader->env_names);
	free(reader);
}

/* A child that is asked under the old names is replaced, so that no order of messages matters. */
int reader_set_env_names(struct reader *reader, const char *const *names, size_t n_names) {
	struct env_names *wanted;
	int error = env_names_new(&wanted, names, n_names);

	if (error < 0)
		return error;
	if (env_names_equal(wanted, reader->env_names)) {
		env_names_free(wanted);
		return 0;
	}
	env_names_free(reader->env_names);
	reader->env_names = wanted;
	discard(reader);
	feed(reader);
	return 0;
}

int reader_ask(struct reader_job **ret_job, struct reader *reader, const struct peer *writer,
               reader_done *done, void *data) {
	struct reader_job *job = calloc(1, sizeof(*job));
	struct reader_job **end = &reader->jobs;
	int error;

	if (job == NULL)
		return -ENOMEM;
	*job = (struct reader_job){.reader = reader, .done = done, .data = data, .peer = *writer};
	if (writer->known && writer->pidfd >= 0) {
		job->peer.pidfd = fcntl(writer->pidfd, F_DUPFD_CLOEXEC, 0);
		if (job->peer.pidfd < 0) {
			error = -errno;
			free(job);
			return error;
		}
	}
	error = caller_new_unknown(&job->fallback, writer,
	                           writer->known ? "caller-unreadable" : "caller-unknown");
	if (error < 0) {
		job_free(job);
		return error;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = job;
	if (writer->known)
		feed(reader);
	else
		fail_later(reader, job);
	*ret_job = job;
	return 0;
}

void reader_cancel(struct reader_job *job) {
	if (job == NULL)
		return;
	job->done = NULL;
	if (job->state == JOB_SENT)
		return;
	if (job->state == JOB_WINDOW)
		tmux_cancel(&job->window);
	unlink_job(job);
	job_free(job);
}
