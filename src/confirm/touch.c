#include "confirm/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "confirm/touch_child.h"
#include "platform/child.h"
#include "platform/platform.h"

struct touch {
	struct ev_loop *loop;
	struct touch_calls calls;
	pid_t pid; /* 0: it has been waited for */
	int fd;
	bool replied; /* or stopped: nothing more is told */
	ev_io readable;
	ev_child child;
	ev_timer deadline; /* once it is to end */
};

/* The helper sees that nobody waits any more. */
static void hang_up(struct touch *touch) {
	ev_io_stop(touch->loop, &touch->readable);
	close_fd(&touch->fd);
	touch->replied = true;
	ev_timer_stop(touch->loop, &touch->deadline);
	ev_timer_set(&touch->deadline, TOUCH_END_S, 0.);
	ev_timer_start(touch->loop, &touch->deadline);
}

static void reply(struct touch *touch, const struct touch_reply *said) {
	if (said->kind != TOUCH_NOTE)
		hang_up(touch);
	touch->calls.replied(touch->calls.data, said);
}

static void fail(struct touch *touch) {
	reply(touch, &(struct touch_reply){.kind = TOUCH_FAILED, .failure = TOUCH_BROKEN});
}

/* is_last: nothing will come any more but what is there. */
static void take_message(struct touch *touch, bool is_last) {
	uint8_t message[TOUCH_REPLY_MAX + 1];
	struct touch_reply said;
	ssize_t len = recv(touch->fd, message, sizeof(message), MSG_DONTWAIT);

	if (!is_last && len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0 && touch_reply_parse(&said, (struct bytes){message, (size_t)len}) == 0) {
		reply(touch, &said);
		return;
	}
	/* A helper that says what it should not is one that was taken over. */
	if (touch->pid > 0)
		kill(touch->pid, SIGKILL);
	fail(touch);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	take_message(watcher->data, false);
}

static void touch_let_go(struct touch *touch) {
	ev_io_stop(touch->loop, &touch->readable);
	ev_child_stop(touch->loop, &touch->child);
	ev_timer_stop(touch->loop, &touch->deadline);
	close_fd(&touch->fd);
	free(touch);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct touch *touch = watcher->data;
	struct touch_calls calls = touch->calls;

	(void)revents;
	touch->pid = 0;
	ev_child_stop(loop, watcher);
	/* Its last words may still be there to be read. */
	while (!touch->replied)
		take_message(touch, true);
	touch_let_go(touch);
	calls.ended(calls.data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	const struct touch *touch = watcher->data;

	(void)loop, (void)revents;
	if (touch->pid > 0)
		kill(touch->pid, SIGKILL);
}

/* One packet; the PIN goes from where it lies. */
static int send_request(int fd, const struct touch_request *request, const char *pin) {
	CLEANUP(buffer_deinit) struct buffer head = {0};
	struct iovec parts[2];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	size_t pin_len = pin != NULL ? strlen(pin) : 0;
	ssize_t len;

	touch_request_put(&head, request);
	buffer_put_u32(&head, (uint32_t)pin_len);
	if (buffer_error(&head) < 0)
		return buffer_error(&head);
	parts[0] = (struct iovec){head.data, head.len};
	parts[1] = (struct iovec){(void *)(uintptr_t)pin, pin_len};
	len = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (len < 0)
		return -errno;
	return (size_t)len == head.len + pin_len ? 0 : -EMSGSIZE;
}

static int start_child(struct touch *touch) {
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2];
	int error = platform_message_pair(pair);

	if (error < 0)
		return error;
	touch->fd = pair[0];
	theirs = pair[1];
	touch->pid = child_fork();
	if (touch->pid == 0)
		touch_child_run(theirs, parent);
	if (touch->pid < 0) {
		touch->pid = 0;
		return -EAGAIN;
	}
	return 0;
}

int touch_start(struct touch **ret, struct ev_loop *loop, const struct touch_request *request,
                const char *pin, const struct touch_calls *calls) {
	struct touch *touch = calloc(1, sizeof(*touch));
	int error;

	if (touch == NULL)
		return -ENOMEM;
	*touch = (struct touch){.loop = loop, .calls = *calls, .fd = -1};
	ev_init(&touch->readable, on_readable);
	ev_init(&touch->deadline, on_deadline);
	ev_init(&touch->child, on_child);
	touch->readable.data = touch->deadline.data = touch->child.data = touch;
	error = start_child(touch);
	if (error == 0)
		error = send_request(touch->fd, request, pin);
	if (error < 0) {
		touch_free(touch);
		return error;
	}
	ev_io_set(&touch->readable, touch->fd, EV_READ);
	ev_io_start(loop, &touch->readable);
	ev_child_set(&touch->child, touch->pid, 0);
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_set_priority(&touch->child, EV_MAXPRI);
	ev_child_start(loop, &touch->child);
	*ret = touch;
	return 0;
}

void touch_stop(struct touch *touch) {
	if (touch != NULL && !touch->replied)
		hang_up(touch);
}

void touch_free(struct touch *touch) {
	if (touch == NULL)
		return;
	/* The loop waits for whoever ends. */
	if (touch->pid > 0)
		kill(touch->pid, SIGKILL);
	touch_let_go(touch);
}
