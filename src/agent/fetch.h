/*
 * Reads regular files in a child process, bounded in size and time: what lies at a path may be a
 * FIFO, a device, or a file whose file system never answers, and then the child waits, and not the
 * guard. What was read is handed over as bytes.
 */
#ifndef AGENT_FETCH_H
#define AGENT_FETCH_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define FETCH_DEADLINE_S 4. /* a disk that has to spin up answers sooner */
#define FETCH_FILES_MAX  64
/* The most that all files together may have, because what is read has to fit into one buffer. */
#define FETCH_BYTES_MAX    ((size_t)60 * 1024 * 1024)
#define FETCHED_DIGEST_LEN 32

/* What was found at one path. Zeroed, it is an empty file of root's: look at error first. */
struct fetched {
	int error;          /* 0, -ENOENT, -EINVAL: no regular file, -EFBIG, or what else */
	bool busy;          /* it changed while it was read, or a program has it open to write */
	bool watched;       /* the watch tells when it may be another */
	struct stat status; /* of the file that was read, where error is 0 */
	struct bytes bytes;
	/* Their SHA-256. By it alone one content is told from another: two changes in one tick of the
	 * system's clock have the same times, and some file systems' clocks tick seldom, or never. */
	unsigned char digest[FETCHED_DIGEST_LEN];
};

struct fetch_plan {
	const char *const *paths;
	size_t n_paths;
	size_t len_max; /* of each file */
	size_t room;    /* for all of them: the first come first, and what does not fit is -EFBIG */
	/* What fills a platform_watch_new(): every path is put into it before it is read, so that no change
	 * is missed. -1: none. Borrowed until fetcher_start() returns. */
	int watch_fd;
};

struct fetcher;

/* files are n_paths, in the order of the plan, and hold for the call; NULL where error is not 0:
 * -ETIMEDOUT, -ENOMEM, -EIO. Called from the loop, never from within fetcher_start(). */
typedef void fetch_done(void *data, int error, const struct fetched *files);

/* One child at a time. loop must be the default loop, and outlive it. */
int fetcher_new(struct fetcher **ret, struct ev_loop *loop, fetch_done *done,
                void *data) MUST_CHECK;
/* Ends a child that is at work, without a call. NULL is fine. */
void fetcher_free(struct fetcher *fetcher);

/* -EBUSY: the last child is still at work, or was killed and cannot die yet, because it waits for a
 * file system that does not answer. */
int fetcher_start(struct fetcher *fetcher, const struct fetch_plan *plan) MUST_CHECK;

#endif
