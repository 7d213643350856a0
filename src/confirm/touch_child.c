/*
 * A key that is plugged in while somebody waits is found by looking again: a node that the kernel
 * has just announced is not ours to open until udev has been at it, so that waiting for the news
 * would not save the looking.
 */
#include "confirm/touch_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "confirm/key_devices.h"
#include "confirm/touch_message.h"
#include "confirm/touch_worker.h"
#include "platform/child.h"
#include "platform/platform.h"

#define LOOK_MS     500
#define CALL_OFF_MS 1000 /* for a key to be told that nobody waits any more */
#define ANSWER_MS   3000 /* one that has not told by then whether it can do it cannot be waited for */
#define REFUSALS_MAX 2   /* in a row: it was not just busy */
#define WORKERS_MAX KEY_DEVICES_MAX
#define MS_NS       UINT64_C(1000000)

enum worker_state {
	WORKER_NONE,
	WORKER_ASKING, /* whether the key can do it */
	WORKER_HOLDS,  /* it can, and has not been told to go on */
	WORKER_GOES_ON,
	WORKER_DONE, /* nothing comes of this key, for as long as it is plugged in */
};

struct worker_of {
	enum worker_state state;
	struct key_device device;
	bool is_there; /* as of the last look */
	pid_t pid;     /* 0: it has ended */
	int fd;
	uint64_t begun_ns; /* asking */
	unsigned refusals; /* to be opened, or to answer, in a row */
	enum touch_failure failure; /* of WORKER_DONE */
};

struct helper {
	pid_t self;
	struct touch_request request;
	struct worker_of workers[WORKERS_MAX];
	bool said_anything;
	bool was_pulled; /* a key that could have been touched */
	enum touch_note said; /* last */
};

static void say(struct bytes message) {
	if (send(CHILD_CHANNEL_FD, message.data, message.len, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void say_note(struct helper *helper, enum touch_note note) {
	CLEANUP(buffer_deinit) struct buffer message = {0};

	if (helper->said_anything && helper->said == note)
		return;
	helper->said_anything = true;
	helper->said = note;
	touch_reply_put(&message, &(struct touch_reply){.kind = TOUCH_NOTE, .note = note});
	say(buffer_bytes(&message));
}

/* ---- workers ---- */

static void worker_stop(struct worker_of *worker) {
	if (worker->pid > 0) {
		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
	}
	worker->pid = 0;
	close_fd(&worker->fd);
}

/* All but the one that answered: each tells its key to blink no more. */
static void call_off(struct helper *helper) {
	uint64_t until_ns = clock_mono_ns() + CALL_OFF_MS * MS_NS;
	bool any = true;

	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (helper->workers[i].pid > 0)
			kill(helper->workers[i].pid, SIGTERM);
	while (any && clock_mono_ns() < until_ns) {
		any = false;
		for (size_t i = 0; i < WORKERS_MAX; i++) {
			struct worker_of *worker = &helper->workers[i];

			if (worker->pid > 0 && waitpid(worker->pid, NULL, WNOHANG) == worker->pid)
				worker->pid = 0;
			any = any || worker->pid > 0;
		}
		if (any)
			poll(NULL, 0, 5);
	}
	for (size_t i = 0; i < WORKERS_MAX; i++)
		worker_stop(&helper->workers[i]);
}

static _Noreturn void end(struct helper *helper) {
	call_off(helper);
	_exit(0);
}

static _Noreturn void end_with(struct helper *helper, struct bytes message) {
	call_off(helper);
	say(message);
	_exit(0);
}

static _Noreturn void fail(struct helper *helper, enum touch_failure failure) {
	CLEANUP(buffer_deinit) struct buffer message = {0};

	touch_reply_put(&message, &(struct touch_reply){.kind = TOUCH_FAILED, .failure = failure});
	end_with(helper, buffer_bytes(&message));
}

static void worker_start(struct helper *helper, struct worker_of *worker) {
	CLEANUP(close_fd) int theirs = -1;
	int pair[2];

	if (platform_message_pair(pair) < 0)
		fail(helper, TOUCH_BROKEN);
	worker->fd = pair[0];
	theirs = pair[1];
	worker->state = WORKER_ASKING;
	worker->begun_ns = clock_mono_ns();
	worker->pid = fork();
	if (worker->pid == 0)
		touch_worker_run(theirs, &worker->device, &helper->request, helper->self);
	if (worker->pid < 0) {
		worker->pid = 0;
		fail(helper, TOUCH_BROKEN);
	}
}

static void go_on(struct helper *helper, struct worker_of *worker) {
	static const uint8_t leave[] = {1};

	worker->state = WORKER_GOES_ON;
	if (send(worker->fd, leave, sizeof(leave), MSG_NOSIGNAL) != 1)
		fail(helper, TOUCH_REMOVED);
}

/* A PIN goes to one key only: a wrong one costs each that it is tried on one of its few tries. */
static void let_go_on(struct helper *helper) {
	struct worker_of *holds = NULL;
	size_t n_asking = 0, n_holds = 0;

	for (size_t i = 0; i < WORKERS_MAX; i++) {
		struct worker_of *worker = &helper->workers[i];

		n_asking += worker->state == WORKER_ASKING;
		if (worker->state != WORKER_HOLDS)
			continue;
		n_holds++;
		holds = worker;
		if (helper->request.pin.len == 0)
			go_on(helper, worker);
	}
	if (helper->request.pin.len == 0 || n_asking > 0 || n_holds == 0)
		return;
	if (n_holds > 1)
		fail(helper, TOUCH_SEVERAL);
	go_on(helper, holds);
}

/* ---- what they say ---- */

static bool is_about_this_key(enum touch_failure failure) {
	return failure == TOUCH_NOT_OURS || failure == TOUCH_REMOVED || failure == TOUCH_BROKEN ||
	       failure == TOUCH_ENROLLED;
}

static void worker_failed(struct helper *helper, struct worker_of *worker,
                          enum touch_failure failure, struct bytes message) {
	bool went_on = worker->state == WORKER_GOES_ON;

	worker_stop(worker);
	/* Where a PIN was given to it, whoever gave it waits; a touch may come from another key. */
	if (!is_about_this_key(failure) || (went_on && helper->request.pin.len > 0))
		end_with(helper, message);
	if (failure == TOUCH_REMOVED) {
		/* Or busy: it is looked for again. */
		worker->state = WORKER_NONE;
		worker->refusals += !went_on;
		helper->was_pulled = helper->was_pulled || went_on;
		return;
	}
	worker->state = WORKER_DONE;
	worker->failure = failure;
}

static void worker_said(struct helper *helper, struct worker_of *worker, struct bytes message) {
	struct touch_reply reply;

	if (touch_reply_parse(&reply, message) < 0) {
		worker_failed(helper, worker, TOUCH_REMOVED, (struct bytes){0});
		return;
	}
	switch (reply.kind) {
	case TOUCH_NOTE:
		worker->refusals = 0;
		if (reply.note == TOUCH_NOTE_HOLDS)
			worker->state = WORKER_HOLDS;
		else
			say_note(helper, reply.note);
		break;
	case TOUCH_SIGNED:
	case TOUCH_MADE: end_with(helper, message);
	case TOUCH_FAILED: worker_failed(helper, worker, reply.failure, message); break;
	}
}

static void worker_read(struct helper *helper, struct worker_of *worker) {
	CLEANUP(buffer_deinit) struct buffer failed = {0};
	uint8_t message[TOUCH_REPLY_MAX + 1];
	ssize_t len = recv(worker->fd, message, sizeof(message), MSG_DONTWAIT);

	if (len > 0 && (size_t)len <= TOUCH_REPLY_MAX) {
		worker_said(helper, worker, (struct bytes){message, (size_t)len});
		return;
	}
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* It died: what a device says made libfido2 fall. */
	touch_reply_put(&failed,
	                &(struct touch_reply){.kind = TOUCH_FAILED, .failure = TOUCH_BROKEN});
	worker_failed(helper, worker, TOUCH_BROKEN, buffer_bytes(&failed));
}

/* ---- what is plugged in ---- */

static struct worker_of *worker_at(struct helper *helper, const char *path) {
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (helper->workers[i].is_there &&
		    strcmp(helper->workers[i].device.path, path) == 0)
			return &helper->workers[i];
	return NULL;
}

static struct worker_of *worker_free(struct helper *helper) {
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (!helper->workers[i].is_there && helper->workers[i].pid == 0)
			return &helper->workers[i];
	return NULL;
}

static void forget_gone(struct helper *helper, const struct key_device *devices, size_t count) {
	for (size_t i = 0; i < WORKERS_MAX; i++) {
		struct worker_of *worker = &helper->workers[i];
		bool is_there = false;

		for (size_t j = 0; j < count; j++)
			is_there = is_there || strcmp(devices[j].path, worker->device.path) == 0;
		/* One that still has its worker is found out about by that. */
		if (is_there || worker->pid > 0)
			continue;
		*worker = (struct worker_of){.fd = -1};
	}
}

static void look(struct helper *helper) {
	struct key_device devices[KEY_DEVICES_MAX];
	size_t count = key_devices_find(devices);

	forget_gone(helper, devices, count);
	for (size_t i = 0; i < count; i++) {
		struct worker_of *worker = worker_at(helper, devices[i].path);

		if (worker == NULL) {
			worker = worker_free(helper);
			if (worker == NULL)
				continue;
			*worker = (struct worker_of){
				.device = devices[i], .is_there = true, .fd = -1};
		}
		if (worker->state == WORKER_NONE)
			worker_start(helper, worker);
	}
}

/* Whether something may yet come of it. */
static bool is_hopeful(const struct worker_of *worker) {
	return worker->refusals < REFUSALS_MAX &&
	       (worker->state != WORKER_ASKING ||
	        clock_mono_ns() - worker->begun_ns < ANSWER_MS * MS_NS);
}

/* Where nothing can be touched. A key that cannot be used is looked at again and again, but nobody
 * is to wait for it alone. */
static void tell_of_none(struct helper *helper) {
	bool enrolled = false, unusable = false;

	for (size_t i = 0; i < WORKERS_MAX; i++) {
		const struct worker_of *worker = &helper->workers[i];

		if (worker->pid > 0 && (helper->request.pin.len > 0 || is_hopeful(worker)))
			return;
		unusable = unusable || worker->pid > 0 ||
		           (worker->state == WORKER_DONE && worker->failure == TOUCH_BROKEN);
		enrolled = enrolled ||
		           (worker->state == WORKER_DONE && worker->failure == TOUCH_ENROLLED);
	}
	if (enrolled)
		fail(helper, TOUCH_ENROLLED);
	/* Whoever typed a PIN waits for what comes of it. */
	if (helper->request.pin.len > 0 && helper->request.task == TOUCH_GET)
		fail(helper, TOUCH_NO_KEY);
	say_note(helper, unusable             ? TOUCH_NOTE_NO_USE
	                 : helper->was_pulled ? TOUCH_NOTE_GONE
	                                      : TOUCH_NOTE_NO_KEY);
}

/* ---- from first to last ---- */

static void turn(struct helper *helper, int wait_ms) {
	struct pollfd fds[1 + WORKERS_MAX] = {{.fd = CHILD_CHANNEL_FD, .events = POLLIN}};

	for (size_t i = 0; i < WORKERS_MAX; i++)
		fds[1 + i] = (struct pollfd){.fd = helper->workers[i].fd, .events = POLLIN};
	if (poll(fds, 1 + WORKERS_MAX, wait_ms) <= 0)
		return;
	if (fds[0].revents != 0)
		end(helper);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (fds[1 + i].revents != 0)
			worker_read(helper, &helper->workers[i]);
	let_go_on(helper);
}

static _Noreturn void serve(struct helper *helper) {
	for (;;) {
		uint64_t next_ns = clock_mono_ns() + LOOK_MS * MS_NS;

		look(helper);
		tell_of_none(helper);
		for (uint64_t now_ns = clock_mono_ns(); now_ns < next_ns; now_ns = clock_mono_ns())
			turn(helper, (int)((next_ns - now_ns) / MS_NS) + 1);
	}
}

_Noreturn void touch_child_run(int fd, pid_t parent) {
	struct helper helper = {0};
	uint8_t *message;
	ssize_t len;
	int error;

	if (child_begin(fd, parent) < 0)
		_exit(1);
	/* As far as the system can; where it cannot, this process is as it is. */
	error = platform_confine_to_keys();
	if ((error < 0 && error != -ENOSYS) || child_limit(CHILD_NO_PROGRAMS) < 0)
		_exit(1);
	message = secret_new(TOUCH_REQUEST_MAX);
	if (message == NULL)
		_exit(1);
	secret_bequeath(message, TOUCH_REQUEST_MAX);
	len = recv(CHILD_CHANNEL_FD, message, TOUCH_REQUEST_MAX, 0);
	helper.self = getpid();
	if (len <= 0 ||
	    touch_request_parse(&helper.request, (struct bytes){message, (size_t)len}) < 0)
		_exit(1);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		helper.workers[i].fd = -1;
	fido_init(FIDO_DISABLE_U2F_FALLBACK);
	serve(&helper);
}
