#include "agent/digests.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "platform/child.h"
#include "platform/platform.h"

#define RESULT_FD 3
#define CHUNK_LEN (64 * 1024)
#define HASH_LEN  32

struct digest {
	struct file_state id;
	char hex[DIGEST_HEX_SIZE];
};

struct digest_run {
	struct digests *digests;
	struct digest_run *next;
	struct digest_wait *waits;
	struct digest made;
	pid_t pid; /* 0: it has been waited for */
	int fd;
	unsigned char hash[HASH_LEN];
	size_t len;
	ev_io readable;
	ev_child child;
	ev_timer deadline;
};

struct digests {
	struct ev_loop *loop;
	struct digest kept[DIGESTS_KEPT_MAX];
	size_t n_kept, next_kept; /* the oldest goes */
	struct digest_run *runs;
};

/* ---- the child ---- */

static bool is_same(int fd, const struct file_state *id) {
	struct file_state now;

	return platform_file_state(&now, fd) == 0 && file_state_equal(&now, id);
}

static void free_context(EVP_MD_CTX **context) {
	EVP_MD_CTX_free(*context);
}

static int hash_file(unsigned char ret[static HASH_LEN], int fd, const struct file_state *id) {
	static unsigned char chunk[CHUNK_LEN];
	CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned len = 0;
	ssize_t got = -1;

	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
	    !is_same(fd, id))
		return -EIO;
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		if (EVP_DigestUpdate(context, chunk, (size_t)got) != 1)
			return -EIO;
	/* Whoever has it open to write may have written while we read. */
	if (got < 0 || !is_same(fd, id) || EVP_DigestFinal_ex(context, ret, &len) != 1)
		return -EIO;
	return len == HASH_LEN ? 0 : -EIO;
}

static void write_hex(char ret[static DIGEST_HEX_SIZE], const unsigned char hash[static HASH_LEN]) {
	for (size_t i = 0; i < HASH_LEN; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

int digest_file(char ret[static DIGEST_HEX_SIZE], const char *path, const struct file_state *id) {
	CLEANUP(close_fd) int fd = -1;
	unsigned char hash[HASH_LEN];
	struct stat status;
	int error = id->size <= DIGEST_FILE_LEN_MAX
	                    ? file_open_regular(&fd, AT_FDCWD, path, &status)
	                    : -EFBIG;

	if (error == 0)
		error = hash_file(hash, fd, id);
	if (error == 0)
		write_hex(ret, hash);
	return error;
}

static _Noreturn void child_run(int result_fd, const char *path, const struct file_state *id,
                                pid_t parent) {
	unsigned char hash[HASH_LEN];
	struct stat status;
	int fd = -1;

	if (platform_die_with_parent(parent) < 0 || dup2(result_fd, RESULT_FD) < 0 ||
	    platform_close_from(RESULT_FD + 1) < 0 || child_limit(CHILD_LOOKS_ONLY) < 0 ||
	    file_open_regular(&fd, AT_FDCWD, path, &status) < 0 || hash_file(hash, fd, id) < 0)
		_exit(1);
	_exit(write(RESULT_FD, hash, sizeof(hash)) == (ssize_t)sizeof(hash) ? 0 : 1);
}

/* ---- one at work ---- */

static void run_unlink(struct digest_run *run) {
	struct digest_run **link = &run->digests->runs;

	while (*link != NULL && *link != run)
		link = &(*link)->next;
	if (*link == run)
		*link = run->next;
}

static void run_free(struct digest_run *run) {
	run_unlink(run);
	for (struct digest_wait *wait = run->waits; wait != NULL; wait = wait->next)
		wait->run = NULL;
	ev_io_stop(run->digests->loop, &run->readable);
	ev_child_stop(run->digests->loop, &run->child);
	ev_timer_stop(run->digests->loop, &run->deadline);
	if (run->pid > 0)
		kill(run->pid, SIGKILL); /* the loop waits for whoever ends */
	close_fd(&run->fd);
	free(run);
}

static void keep(struct digests *digests, const struct digest *digest) {
	if (digests->n_kept < DIGESTS_KEPT_MAX) {
		digests->kept[digests->n_kept++] = *digest;
		return;
	}
	digests->kept[digests->next_kept] = *digest;
	digests->next_kept = (digests->next_kept + 1) % DIGESTS_KEPT_MAX;
}

/* Each waiter is let go of first, because whoever is called may ask again, or cancel. */
static void run_end(struct digest_run *run, bool made) {
	char hex[DIGEST_HEX_SIZE];

	if (made)
		write_hex(run->made.hex, run->hash);
	memcpy(hex, run->made.hex, sizeof(hex));
	if (made)
		keep(run->digests, &run->made);
	run_unlink(run);
	while (run->waits != NULL) {
		struct digest_wait *wait = run->waits;

		run->waits = wait->next;
		wait->run = NULL;
		wait->done(wait->data, made ? hex : NULL);
	}
	run_free(run);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct digest_run *run = watcher->data;
	ssize_t len = read(run->fd, run->hash + run->len, sizeof(run->hash) - run->len);

	(void)loop, (void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0)
		run->len += (size_t)len;
	if (len <= 0 || run->len == sizeof(run->hash))
		run_end(run, run->len == sizeof(run->hash));
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct digest_run *run = watcher->data;

	(void)revents;
	run->pid = 0;
	ev_child_stop(loop, watcher);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	run_end(watcher->data, false);
}

static int run_start(struct digest_run *run, const char *path) {
	CLEANUP(close_fd) int result = -1;
	struct ev_loop *loop = run->digests->loop;
	pid_t parent = getpid();
	int pipe_fds[2];
	int error = platform_pipe(pipe_fds, false);

	if (error < 0)
		return error;
	run->fd = pipe_fds[0];
	result = pipe_fds[1];
	run->pid = fork();
	if (run->pid == 0)
		child_run(result, path, &run->made.id, parent);
	if (run->pid < 0)
		return -errno;
	ev_io_set(&run->readable, run->fd, EV_READ);
	ev_child_set(&run->child, run->pid, 0);
	ev_io_start(loop, &run->readable);
	ev_child_start(loop, &run->child);
	ev_timer_start(loop, &run->deadline);
	return 0;
}

static int run_new(struct digest_run **ret, struct digests *digests, const char *path,
                   const struct file_state *id) {
	struct digest_run *run = calloc(1, sizeof(*run));
	int error;

	if (run == NULL)
		return -ENOMEM;
	*run = (struct digest_run){.digests = digests, .made.id = *id, .fd = -1};
	ev_init(&run->readable, on_readable);
	ev_init(&run->child, on_child);
	ev_timer_init(&run->deadline, on_deadline, DIGEST_DEADLINE_S, 0.);
	run->readable.data = run->child.data = run->deadline.data = run;
	error = run_start(run, path);
	if (error < 0) {
		run_free(run);
		return error;
	}
	run->next = digests->runs;
	digests->runs = run;
	*ret = run;
	return 0;
}

/* ---- all ---- */

int digests_new(struct digests **ret, struct ev_loop *loop) {
	struct digests *digests = calloc(1, sizeof(*digests));

	if (digests == NULL)
		return -ENOMEM;
	digests->loop = loop;
	*ret = digests;
	return 0;
}

void digests_free(struct digests *digests) {
	if (digests == NULL)
		return;
	while (digests->runs != NULL)
		run_free(digests->runs);
	free(digests);
}

const char *digests_find(const struct digests *digests, const struct file_state *id) {
	for (size_t i = 0; i < digests->n_kept; i++)
		if (file_state_equal(&digests->kept[i].id, id))
			return digests->kept[i].hex;
	return NULL;
}

int digests_ask(struct digest_wait *wait, struct digests *digests, const char *path,
                const struct file_state *id, digest_done *done, void *data) {
	struct digest_run *run = digests->runs;
	size_t n_runs = 0;
	int error;

	if (id->size > DIGEST_FILE_LEN_MAX)
		return -EFBIG;
	for (; run != NULL && !file_state_equal(&run->made.id, id); run = run->next)
		n_runs++;
	if (run == NULL && n_runs >= DIGEST_RUNS_MAX)
		return -EBUSY;
	if (run == NULL) {
		error = run_new(&run, digests, path, id);
		if (error < 0)
			return error;
	}
	*wait = (struct digest_wait){run, run->waits, done, data};
	run->waits = wait;
	return 0;
}

/* Of a run that nobody waits for, the answer is still worth keeping. */
void digests_cancel(struct digest_wait *wait) {
	struct digest_wait **link;

	if (wait->run == NULL)
		return;
	link = &wait->run->waits;
	while (*link != wait)
		link = &(*link)->next;
	*link = wait->next;
	wait->run = NULL;
}
