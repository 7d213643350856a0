#include "confirm/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "platform/child.h"
#include "platform/platform.h"

#define MESSAGE_MAX 2048

struct helper {
	struct ev_loop *loop;
	struct helper_calls calls;
	size_t message_max;
	pid_t pid; /* 0: it has been waited for */
	int fd;
	bool hung_up;
	ev_io readable;
	ev_child child;
	ev_timer deadline; /* once it is to end */
};

void helper_hang_up(struct helper *helper) {
	if (helper->hung_up)
		return;
	ev_io_stop(helper->loop, &helper->readable);
	close_fd(&helper->fd);
	helper->hung_up = true;
	ev_now_update(helper->loop);
	ev_timer_set(&helper->deadline, HELPER_END_S, 0.);
	ev_timer_start(helper->loop, &helper->deadline);
}

/* is_last: nothing will come any more but what is there. */
static void take_message(struct helper *helper, bool is_last) {
	uint8_t message[MESSAGE_MAX + 1];
	ssize_t len = recv(helper->fd, message, sizeof(message), MSG_DONTWAIT);

	if (!is_last && len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0 && (size_t)len <= helper->message_max &&
	    helper->calls.said(helper->calls.data, (struct bytes){message, (size_t)len}))
		return;
	/* A helper that says what it should not is one that was taken over. */
	if (helper->pid > 0)
		kill(helper->pid, SIGKILL);
	helper_hang_up(helper);
	helper->calls.lost(helper->calls.data);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	take_message(watcher->data, false);
}

static void helper_let_go(struct helper *helper) {
	ev_io_stop(helper->loop, &helper->readable);
	ev_child_stop(helper->loop, &helper->child);
	ev_timer_stop(helper->loop, &helper->deadline);
	close_fd(&helper->fd);
	free(helper);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct helper *helper = watcher->data;
	struct helper_calls calls = helper->calls;

	(void)revents;
	helper->pid = 0;
	ev_child_stop(loop, watcher);
	/* Its last words may still be there to be read. */
	while (!helper->hung_up)
		take_message(helper, true);
	helper_let_go(helper);
	calls.ended(calls.data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	const struct helper *helper = watcher->data;

	(void)loop, (void)revents;
	if (helper->pid > 0)
		kill(helper->pid, SIGKILL);
}

int helper_send(struct helper *helper, struct bytes head, const char *secret) {
	CLEANUP(buffer_deinit) struct buffer length = {0};
	struct iovec parts[3];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = secret != NULL ? 3 : 1};
	size_t secret_len = secret != NULL ? strlen(secret) : 0;
	size_t all = head.len + (secret != NULL ? 4 + secret_len : 0);
	ssize_t len;

	buffer_put_u32(&length, (uint32_t)secret_len);
	if (buffer_error(&length) < 0)
		return buffer_error(&length);
	parts[0] = (struct iovec){(void *)(uintptr_t)head.data, head.len};
	parts[1] = (struct iovec){length.data, length.len};
	parts[2] = (struct iovec){(void *)(uintptr_t)secret, secret_len};
	len = sendmsg(helper->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (len < 0)
		return -errno;
	return (size_t)len == all ? 0 : -EMSGSIZE;
}

static int start_child(struct helper *helper, void (*run)(int fd, pid_t parent)) {
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2];
	int error = platform_message_pair(pair);

	if (error < 0)
		return error;
	helper->fd = pair[0];
	theirs = pair[1];
	helper->pid = child_fork();
	if (helper->pid == 0) {
		run(theirs, parent);
		_exit(1);
	}
	if (helper->pid < 0) {
		helper->pid = 0;
		return -EAGAIN;
	}
	return 0;
}

int helper_start(struct helper **ret, struct ev_loop *loop, void (*run)(int fd, pid_t parent),
                 size_t message_max, const struct helper_calls *calls) {
	struct helper *helper = calloc(1, sizeof(*helper));
	int error;

	if (helper == NULL)
		return -ENOMEM;
	*helper = (struct helper){
		.loop = loop,
		.calls = *calls,
		.fd = -1,
		.message_max = message_max < MESSAGE_MAX ? message_max : MESSAGE_MAX,
	};
	ev_init(&helper->readable, on_readable);
	ev_init(&helper->deadline, on_deadline);
	ev_init(&helper->child, on_child);
	helper->readable.data = helper->deadline.data = helper->child.data = helper;
	error = start_child(helper, run);
	if (error < 0) {
		helper_free(helper);
		return error;
	}
	ev_io_set(&helper->readable, helper->fd, EV_READ);
	ev_io_start(loop, &helper->readable);
	ev_child_set(&helper->child, helper->pid, 0);
	/* Before all else in the same round, so that nobody kills a number that is free again. */
	ev_set_priority(&helper->child, EV_MAXPRI);
	ev_child_start(loop, &helper->child);
	*ret = helper;
	return 0;
}

void helper_free(struct helper *helper) {
	if (helper == NULL)
		return;
	/* The loop waits for whoever ends. */
	if (helper->pid > 0)
		kill(helper->pid, SIGKILL);
	helper_let_go(helper);
}
