#include "agent/watch.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

#define DELAY_DOUBLINGS_MAX 4
#define DIGEST_LEN          32

struct watch {
	struct ev_loop *loop;
	size_t len_max;
	watch_seen *seen;
	void *data;
	char **paths; /* owned, and each of them */
	size_t n_paths;
	struct fetcher *fetcher;
	bool is_looking;
	bool again; /* asked, or changed, since the present look began */
	bool asked; /* somebody waits for the next look */
	int fd;     /* of the platform's watch; -1: none */
	int new_fd; /* of the one that the present look fills */
	ev_io told;
	ev_timer soon; /* the next look, if nobody tells or asks before */
	unsigned useless, busy;
	bool has_seen;
	unsigned char digest[DIGEST_LEN]; /* of what was handed over last */
	unsigned char unsettled[DIGEST_LEN];
};

static void look_after(struct watch *watch, double seconds) {
	ev_timer_stop(watch->loop, &watch->soon);
	ev_now_update(watch->loop);
	ev_timer_set(&watch->soon, seconds, 0.);
	ev_timer_start(watch->loop, &watch->soon);
}

static void watch_forget(struct watch *watch) {
	ev_io_stop(watch->loop, &watch->told);
	close_fd(&watch->fd);
}

/* What matters of a file: also who may write it, so that the repair of that is seen. */
static bool put_digest(EVP_MD_CTX *context, const struct fetched *file) {
	struct {
		uint64_t error, uid, mode, len;
	} head = {(uint64_t)file->error, file->status.st_uid, file->status.st_mode,
	          file->bytes.len};

	return EVP_DigestUpdate(context, &head, sizeof(head)) == 1 &&
	       EVP_DigestUpdate(context, file->digest, sizeof(file->digest)) == 1;
}

/* The paths, too: what stands at another place is another file, though it reads the same. */
static int digest_of(const struct watch *watch, unsigned char ret[static DIGEST_LEN], int error,
                     const struct fetched *files) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	            EVP_DigestUpdate(context, &error, sizeof(error)) == 1;

	for (size_t i = 0; good && files != NULL && i < watch->n_paths; i++)
		good = EVP_DigestUpdate(context, watch->paths[i], strlen(watch->paths[i]) + 1) ==
		               1 &&
		       put_digest(context, &files[i]);
	good = good && EVP_DigestFinal_ex(context, ret, NULL) == 1;
	EVP_MD_CTX_free(context);
	return good ? 0 : -ENOMEM;
}

/* The last thing that its callers do. */
static void hand_over(struct watch *watch, int error, const struct fetched *files) {
	unsigned char digest[DIGEST_LEN] = {0};
	bool asked = watch->asked;
	bool is_new = digest_of(watch, digest, error, files) < 0 || !watch->has_seen ||
	              memcmp(digest, watch->digest, sizeof(digest)) != 0;

	if (is_new) {
		watch->useless = 0;
		watch->has_seen = true;
		memcpy(watch->digest, digest, sizeof(digest));
	} else if (watch->useless < DELAY_DOUBLINGS_MAX) {
		watch->useless++;
	}
	watch->asked = false;
	if (is_new || asked)
		watch->seen(watch->data, error, files, asked);
}

/* Half of a file is not handed over. One that stays as it is for long is whole, even if it is kept
 * open. */
static bool is_settled(struct watch *watch, const struct fetched *files) {
	unsigned char digest[DIGEST_LEN] = {0};
	bool busy = false;

	for (size_t i = 0; i < watch->n_paths; i++)
		busy = busy || files[i].busy;
	if (!busy) {
		watch->busy = 0;
		return true;
	}
	if (digest_of(watch, digest, 0, files) < 0 ||
	    memcmp(digest, watch->unsettled, sizeof(digest)) != 0)
		watch->busy = 0;
	memcpy(watch->unsettled, digest, sizeof(digest));
	return ++watch->busy > WATCH_BUSY_MAX;
}

static bool is_watched(const struct watch *watch, const struct fetched *files) {
	for (size_t i = 0; i < watch->n_paths; i++)
		if (!files[i].watched || (files[i].error != 0 && files[i].error != -ENOENT))
			return false;
	return true;
}

static void watch_arm(struct watch *watch, const struct fetched *files) {
	watch_forget(watch);
	watch->fd = take_fd(&watch->new_fd);
	if (watch->fd >= 0) {
		ev_io_set(&watch->told, watch->fd, EV_READ);
		ev_io_start(watch->loop, &watch->told);
	}
	if (!is_watched(watch, files))
		look_after(watch, WATCH_POLL_S);
}

static void watch_begin(struct watch *watch);

static void on_fetched(void *data, int error, const struct fetched *files) {
	struct watch *watch = data;

	watch->is_looking = false;
	/* The present watch has told, or knows of nothing new: it stays until there is another. */
	if (error < 0)
		close_fd(&watch->new_fd);
	if (watch->again) {
		close_fd(&watch->new_fd);
		watch_begin(watch);
		return;
	}
	if (error < 0) {
		look_after(watch, WATCH_POLL_S);
		hand_over(watch, error, NULL);
		return;
	}
	watch_arm(watch, files);
	if (is_settled(watch, files)) {
		hand_over(watch, 0, files);
		return;
	}
	look_after(watch, WATCH_BUSY_S);
	if (watch->asked) {
		watch->asked = false;
		watch->seen(watch->data, -EBUSY, NULL, true);
	}
}

static void watch_begin(struct watch *watch) {
	struct fetch_plan plan = {.paths = (const char *const *)watch->paths,
	                          .n_paths = watch->n_paths,
	                          .len_max = watch->len_max,
	                          .room = FETCH_BYTES_MAX};
	CLEANUP(close_fd) int fill_fd = -1;
	int error;

	ev_timer_stop(watch->loop, &watch->soon);
	ev_io_stop(watch->loop, &watch->told);
	watch->again = false;
	if (platform_watch_new(&watch->new_fd, &fill_fd) < 0)
		watch->new_fd = -1;
	plan.watch_fd = fill_fd;
	error = fetcher_start(watch->fetcher, &plan);
	if (error == 0) {
		watch->is_looking = true;
		return;
	}
	close_fd(&watch->new_fd);
	look_after(watch, WATCH_POLL_S);
	/* A child that cannot die hangs where the last one timed out. */
	hand_over(watch, error == -EBUSY ? -ETIMEDOUT : error, NULL);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	watch_begin(watcher->data);
}

/* It is not asked what happened: whoever makes much of it happen costs one look, not more. */
static void on_told(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct watch *watch = watcher->data;

	(void)loop, (void)revents;
	watch_forget(watch);
	look_after(watch, watch->asked ? 0. : WATCH_DELAY_S * (double)(1U << watch->useless));
}

int watch_new(struct watch **ret, struct ev_loop *loop, size_t len_max, watch_seen *seen,
              void *data) {
	struct watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (watch == NULL)
		return -ENOMEM;
	*watch = (struct watch){.loop = loop,
	                        .len_max = len_max,
	                        .seen = seen,
	                        .data = data,
	                        .fd = -1,
	                        .new_fd = -1};
	ev_init(&watch->told, on_told);
	ev_init(&watch->soon, on_soon);
	watch->told.data = watch->soon.data = watch;
	error = fetcher_new(&watch->fetcher, loop, on_fetched, watch);
	if (error < 0) {
		free(watch);
		return error;
	}
	*ret = watch;
	return 0;
}

static void free_paths(char **paths, size_t n_paths) {
	for (size_t i = 0; i < n_paths; i++)
		free(paths[i]);
	free(paths);
}

void watch_free(struct watch *watch) {
	if (watch == NULL)
		return;
	fetcher_free(watch->fetcher);
	watch_forget(watch);
	close_fd(&watch->new_fd);
	ev_timer_stop(watch->loop, &watch->soon);
	free_paths(watch->paths, watch->n_paths);
	free(watch);
}

int watch_set(struct watch *watch, const char *const *paths, size_t n_paths) {
	char **copies = calloc(n_paths, sizeof(*copies));

	if (copies == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n_paths; i++) {
		copies[i] = strdup(paths[i]);
		if (copies[i] == NULL) {
			free_paths(copies, i);
			return -ENOMEM;
		}
	}
	free_paths(watch->paths, watch->n_paths);
	watch->paths = copies;
	watch->n_paths = n_paths;
	watch->again = watch->is_looking;
	if (!watch->is_looking)
		look_after(watch, 0.);
	return 0;
}

/* From the loop, because whoever asks is not ready yet to be answered. */
void watch_look(struct watch *watch) {
	watch->asked = true;
	watch->again = watch->is_looking;
	if (!watch->is_looking)
		look_after(watch, 0.);
}
