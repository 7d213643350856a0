/*
 * What the reader process is asked. Jobs are asked in order and answered in order; the one at the
 * head is what the reader works on, so only its time is measured.
 *
 * A function that calls done does it last: whoever is called may ask again, cancel, and let go of
 * the reader.
 */
#include "caller/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "caller/caller.h"
#include "caller/patience.h"
#include "caller/reader_child.h"
#include "caller/reader_life.h"
#include "caller/tmux.h"

#define SENT_MAX 64 /* asked ahead, so that the reader need not wait for us; far below what */
		    /* its socket holds */

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

struct reader {
	struct ev_loop *loop;
	struct reader_life life;
	ev_io readable;    /* active while there is a reader */
	ev_timer deadline; /* active only while a job is being read */
	ev_timer failing;  /* active only while there is a failed job */
	struct reader_job *jobs;
	struct reader_job *windows; /* those that nobody reads any more */
	struct tmux *tmux;          /* NULL: in another loop than libev's default one */
	uint64_t last_id;
	struct patience patience; /* with the first job */
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
	if (reader->life.child == NULL)
		return;
	ev_io_stop(reader->loop, &reader->readable);
	reader_life_end(&reader->life);
	ask_again(reader);
}

static int start(struct reader *reader) {
	int error = reader_life_start(&reader->life);

	if (error < 0)
		return error;
	ev_io_set(&reader->readable, reader->life.fd, EV_READ);
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
	int error;

	job->id = ++reader->last_id;
	reader_request_encode(&request, job->id, &job->peer);
	if (buffer_error(&request) < 0)
		return buffer_error(&request);
	error = platform_send_message(reader->life.fd, buffer_bytes(&request));
	if (error == 0)
		job->state = JOB_SENT;
	return error;
}

static void look_in(struct reader *reader, uint64_t left_ns) {
	ev_now_update(reader->loop);
	ev_timer_stop(reader->loop, &reader->deadline); /* one that runs cannot be set */
	ev_timer_set(&reader->deadline, (double)left_ns / 1e9, 0.);
	ev_timer_start(reader->loop, &reader->deadline);
}

/* Asks what can be asked, if need be of a new reader. Calls nobody's done. */
static void feed(struct reader *reader) {
	struct reader_job *head = first_in(reader, JOB_SENT);
	struct reader_job *job = first_in(reader, JOB_WAITING);
	bool was_idle = head == NULL;
	size_t n_sent = 0;

	if (job != NULL && reader->life.child == NULL && start(reader) < 0) {
		fail_all(reader);
		return;
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
		patience_begin(&reader->patience, clock_mono_ns());
		if (!ev_is_active(&reader->deadline))
			look_in(reader, PATIENCE_FIRST_LOOK_NS);
	}
}

/* The reader died, or says what it was not asked: it is replaced, and so that no caller can end one
 * reader after the other, what it was at is not asked again. */
static void lost(struct reader *reader) {
	struct reader_job *head = first_in(reader, JOB_SENT);

	if (head != NULL)
		unlink_job(head);
	discard(reader);
	reader_life_failed(&reader->life);
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
	reader_life_served(&reader->life);
	unlink_job(head);
	patience_begin(&reader->patience, clock_mono_ns());
	feed(reader);
	if (caller != NULL && head->done != NULL)
		find_window(head, caller);
	else
		deliver(head, caller);
}

/* Whether there was something to receive. */
static bool receive(struct reader *reader) {
	size_t len = 0;
	int error = platform_receive_message(&len, reader->life.fd, reader->answer,
	                                     sizeof(reader->answer));

	if (error == -EAGAIN || error == -EINTR)
		return false;
	if (error < 0 || len == 0)
		lost(reader);
	else
		take_answer(reader, (struct bytes){reader->answer, len});
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

/* What the reader does is asked before whether it has answered: one that sleeps and has not is
 * stuck, and does not only wait to be asked. */
static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct reader *reader = watcher->data;
	uint64_t left_ns = patience_until_look(&reader->patience, clock_mono_ns());
	struct child_time time;
	bool is_known;

	(void)loop, (void)revents;
	if (first_in(reader, JOB_SENT) == NULL)
		return;
	if (left_ns > 0) {
		look_in(reader, left_ns);
		return;
	}
	is_known = reader_life_time(&time, &reader->life) == 0;
	/* Active again before anybody is called, who may let go of the reader. */
	look_in(reader, PATIENCE_FIRST_LOOK_NS);
	if (receive(reader))
		return;
	left_ns = patience_look(&reader->patience, clock_mono_ns(), is_known ? &time : NULL);
	if (left_ns == 0)
		expire(reader);
	else
		look_in(reader, left_ns);
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
	ev_io_init(&reader->readable, on_readable, -1, EV_READ);
	ev_timer_init(&reader->deadline, on_deadline, 0., 0.);
	ev_timer_init(&reader->failing, on_failing, 0., 0.);
	reader->readable.data = reader;
	reader->deadline.data = reader;
	reader->failing.data = reader;
	error = reader_life_init(&reader->life, loop);
	if (error == 0 && ev_is_default_loop(loop))
		error = tmux_new(&reader->tmux, loop);
	if (error == 0)
		error = start(reader);
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
	if (reader == NULL)
		return;
	discard(reader);
	ev_timer_stop(reader->loop, &reader->deadline);
	ev_timer_stop(reader->loop, &reader->failing);
	tmux_free(reader->tmux);
	free_jobs(reader->jobs);
	free_jobs(reader->windows);
	reader_life_deinit(&reader->life);
	free(reader);
}

/* A child that is asked under the old names is replaced, so that no order of messages matters. */
int reader_set_env_names(struct reader *reader, const char *const *names, size_t n_names) {
	struct env_names *wanted;
	int error = env_names_new(&wanted, names, n_names);

	if (error < 0)
		return error;
	if (env_names_equal(wanted, reader->life.env_names)) {
		env_names_free(wanted);
		return 0;
	}
	env_names_free(reader->life.env_names);
	reader->life.env_names = wanted;
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
