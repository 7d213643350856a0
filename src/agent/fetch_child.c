#include "agent/fetch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/file.h"
#include "platform/child.h"
#include "platform/platform.h"

#define CHANNEL_FD 3
#define WATCH_FD   4

#define FLAG_BUSY    1
#define FLAG_WATCHED 2

static void put_fetched(struct buffer *buffer, const struct fetched *file, struct bytes bytes) {
	buffer_put_u32(buffer, (uint32_t)-file->error);
	buffer_put_u8(buffer,
	              (uint8_t)((file->busy ? FLAG_BUSY : 0) | (file->watched ? FLAG_WATCHED : 0)));
	/* From the same program on the same machine, so its own shape will do. */
	buffer_put_raw(buffer, (struct bytes){(const uint8_t *)&file->status, sizeof(struct stat)});
	buffer_put_raw(buffer, (struct bytes){file->digest, sizeof(file->digest)});
	buffer_put_string(buffer, bytes);
}

static struct fetched take_fetched(struct cursor *cursor) {
	struct fetched file = {0};
	struct bytes status, digest;
	uint32_t number = cursor_u32(cursor);
	uint8_t flags = cursor_u8(cursor);

	status = cursor_raw(cursor, sizeof(struct stat));
	digest = cursor_raw(cursor, sizeof(file.digest));
	file.bytes = cursor_string(cursor);
	file.error = number <= INT32_MAX ? -(int)number : -EIO;
	file.busy = (flags & FLAG_BUSY) != 0;
	file.watched = (flags & FLAG_WATCHED) != 0;
	if (status.len == sizeof(struct stat))
		memcpy(&file.status, status.data, sizeof(struct stat));
	if (digest.len == sizeof(file.digest))
		memcpy(file.digest, digest.data, sizeof(file.digest));
	return file;
}

int fetched_decode(struct fetched *ret, size_t n, struct bytes bytes) {
	struct cursor cursor = cursor_over(bytes);

	for (size_t i = 0; i < n; i++)
		ret[i] = take_fetched(&cursor);
	return cursor_finish(&cursor);
}

/* Keeps nothing of the guard's but its pipe and its watch. */
static int keep_only(int fd, int watch_fd) {
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high_fd = fcntl(fd, F_DUPFD_CLOEXEC, WATCH_FD + 1);
	int high_watch_fd = fcntl(watch_fd >= 0 ? watch_fd : null_fd, F_DUPFD_CLOEXEC,
	                          WATCH_FD + 1);

	if (null_fd < 0 || high_fd < 0 || high_watch_fd < 0 || dup2(high_fd, CHANNEL_FD) < 0 ||
	    dup2(high_watch_fd, WATCH_FD) < 0)
		return -EMFILE;
	/* Standard error too: whoever started the guard may wait for its end. */
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (null_fd != standard && dup2(null_fd, standard) < 0)
			return -errno;
	return platform_close_from(WATCH_FD + 1);
}

static bool same_state(const struct stat *a, const struct stat *b) {
	/* Not the time of writing, which its owner sets as he likes. */
	return a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Half of a file that is being written may well be a good one, and say something else. */
static int read_settled(struct buffer *bytes, struct fetched *file, const char *path,
                        size_t len_max) {
	CLEANUP(close_fd) int fd = -1;
	struct stat after;
	int error = file_open_regular(&fd, AT_FDCWD, path, &file->status);
	int lease;

	if (error < 0)
		return error;
	/* Where it is had, no program can write until we have read; it ends with the descriptor. */
	lease = platform_lease_read(fd);
	error = file_read_open(bytes, fd, len_max);
	if (error == 0 && fstat(fd, &after) < 0)
		error = -errno;
	file->busy = lease == -EAGAIN || (error == 0 && !same_state(&file->status, &after));
	return error;
}

static int write_all(int fd, struct bytes bytes) {
	while (bytes.len > 0) {
		ssize_t len = write(fd, bytes.data, bytes.len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		bytes.data += len;
		bytes.len -= (size_t)len;
	}
	return 0;
}

static int fetch(const char *path, const struct fetch_plan *plan, size_t *left) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};
	CLEANUP(buffer_deinit) struct buffer message = {0};
	struct fetched file = {0};

	file.watched = plan->watch_fd >= 0 && platform_watch_path(WATCH_FD, path) == 0;
	file.error = read_settled(&bytes, &file, path,
	                          plan->len_max < *left ? plan->len_max : *left);
	if (file.error < 0)
		buffer_clear(&bytes);
	else if (EVP_Digest(bytes.data, bytes.len, file.digest, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	*left -= bytes.len;
	put_fetched(&message, &file, buffer_bytes(&bytes));
	if (buffer_error(&message) < 0)
		return buffer_error(&message);
	return write_all(CHANNEL_FD, buffer_bytes(&message));
}

_Noreturn void fetch_child_run(int fd, const struct fetch_plan *plan, pid_t parent) {
	/* The terminal's are meant for the guard, which ends its children with itself; SIGIO says
	 * that somebody waits for our lease. */
	static const int ignored[] = {SIGHUP, SIGINT, SIGTSTP, SIGIO, 0};
	size_t left = plan->room;

	child_signals(ignored);
	if (platform_die_with_parent(parent) < 0 || keep_only(fd, plan->watch_fd) < 0 ||
	    child_limit(CHILD_LOOKS_ONLY) < 0)
		_exit(1);
	for (size_t i = 0; i < plan->n_paths; i++)
		if (fetch(plan->paths[i], plan, &left) < 0)
			_exit(1);
	_exit(0);
}
