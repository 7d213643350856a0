#include "confirm/hashing.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "platform/child.h"
#include "platform/platform.h"

_Static_assert(PIN_HASH_SIZE >= CRYPT_OUTPUT_SIZE, "a hash fits");

#define RESULT_FD 3

struct hashing {
	struct ev_loop *loop;
	hashing_done *done;
	void *data;
	pid_t pid; /* 0: it has been waited for */
	int fd;
	ev_io readable;
	ev_child child;
	ev_timer deadline;
	char hash[PIN_HASH_SIZE];
	size_t len;
};

int hash_pin(char ret[static PIN_HASH_SIZE], const char *pin, const char *setting) {
	struct crypt_data *data = secret_new(sizeof(*data));
	char made[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;

	if (data == NULL)
		return -ENOMEM;
	if (setting == NULL)
		setting = crypt_gensalt_rn("$y$", 0, NULL, 0, made, sizeof(made));
	if (setting != NULL)
		hash = crypt_rn(pin, setting, data, sizeof(*data));
	/* A setting that is none of yescrypt's may mean something much cheaper. */
	if (hash != NULL && (strncmp(hash, "$y$", 3) != 0 || strlen(hash) >= PIN_HASH_SIZE))
		hash = NULL;
	if (hash != NULL)
		strcpy(ret, hash);
	secret_free(data, sizeof(*data));
	return hash != NULL ? 0 : -EINVAL;
}

bool hash_same(const char *a, const char *b) {
	size_t len = strlen(a);

	return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

static _Noreturn void child_run(int fd, int pin_fd, const char *setting, pid_t parent) {
	char *pin = secret_new(PIN_LEN_MAX + 1);
	char hash[PIN_HASH_SIZE];
	size_t len;

	if (platform_die_with_parent(parent) < 0 || pin == NULL ||
	    read(pin_fd, pin, PIN_LEN_MAX) < 0 || dup2(fd, RESULT_FD) < 0 ||
	    platform_close_from(RESULT_FD + 1) < 0 || child_limit(CHILD_LOOKS_ONLY) < 0 ||
	    hash_pin(hash, pin, setting) < 0)
		_exit(1);
	secret_free(pin, PIN_LEN_MAX + 1);
	len = strlen(hash) + 1;
	_exit(write(RESULT_FD, hash, len) == (ssize_t)len ? 0 : 1);
}

/* No child inherits a secret, so it lies ready for the one that is to have it. */
static int put_pin(int *ret_fd, const char *pin) {
	size_t len = strlen(pin);
	CLEANUP(close_fd) int reads = -1;
	CLEANUP(close_fd) int writes = -1;
	int pipe_fds[2], error;

	if (len > PIN_LEN_MAX)
		return -EINVAL;
	error = platform_pipe(pipe_fds, true);
	if (error < 0)
		return error;
	reads = pipe_fds[0];
	writes = pipe_fds[1];
	if (write(writes, pin, len) != (ssize_t)len)
		return -EIO;
	*ret_fd = take_fd(&reads);
	return 0;
}

static void hashing_free(struct hashing *hashing) {
	ev_io_stop(hashing->loop, &hashing->readable);
	ev_child_stop(hashing->loop, &hashing->child);
	ev_timer_stop(hashing->loop, &hashing->deadline);
	if (hashing->pid > 0)
		kill(hashing->pid, SIGKILL); /* the loop waits for whoever ends */
	close_fd(&hashing->fd);
	free(hashing);
}

static void hashing_end(struct hashing *hashing, bool made) {
	hashing_done *done = hashing->done;
	void *data = hashing->data;
	char hash[PIN_HASH_SIZE];

	memcpy(hash, hashing->hash, sizeof(hash));
	hashing_free(hashing);
	done(data, made ? hash : NULL);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct hashing *hashing = watcher->data;
	ssize_t len = read(hashing->fd, hashing->hash + hashing->len,
	                   sizeof(hashing->hash) - hashing->len);

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		hashing_end(hashing, false);
		return;
	}
	hashing->len += (size_t)len;
	if (hashing->hash[hashing->len - 1] == '\0')
		hashing_end(hashing, true);
	else if (hashing->len == sizeof(hashing->hash))
		hashing_end(hashing, false);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct hashing *hashing = watcher->data;

	(void)revents;
	hashing->pid = 0;
	ev_child_stop(loop, watcher);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	hashing_end(watcher->data, false);
}

int hashing_start(struct hashing **ret, struct ev_loop *loop, const char *pin, const char *setting,
                  hashing_done *done, void *data) {
	struct hashing *hashing = calloc(1, sizeof(*hashing));
	CLEANUP(close_fd) int result = -1;
	CLEANUP(close_fd) int pin_fd = -1;
	pid_t parent = getpid();
	int pipe_fds[2], error;

	if (hashing == NULL)
		return -ENOMEM;
	error = put_pin(&pin_fd, pin);
	if (error == 0)
		error = platform_pipe(pipe_fds, false);
	if (error < 0) {
		free(hashing);
		return error;
	}
	*hashing = (struct hashing){.loop = loop, .done = done, .data = data, .fd = pipe_fds[0]};
	result = pipe_fds[1];
	ev_io_init(&hashing->readable, on_readable, hashing->fd, EV_READ);
	ev_timer_init(&hashing->deadline, on_deadline, HASHING_DEADLINE_S, 0.);
	hashing->pid = fork();
	if (hashing->pid == 0)
		child_run(result, pin_fd, setting, parent);
	ev_child_init(&hashing->child, on_child, hashing->pid, 0);
	hashing->readable.data = hashing->child.data = hashing->deadline.data = hashing;
	if (hashing->pid < 0) {
		error = -errno;
		hashing_free(hashing);
		return error;
	}
	ev_io_start(loop, &hashing->readable);
	ev_child_start(loop, &hashing->child);
	ev_timer_start(loop, &hashing->deadline);
	*ret = hashing;
	return 0;
}

void hashing_cancel(struct hashing *hashing) {
	if (hashing != NULL)
		hashing_free(hashing);
}
