/* What is mounted over a path, from the kernel's own list, which asks no file system anything. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/buffer.h"
#include "platform/platform.h"

#define MOUNTS_MAX 1024

struct mounts {
	char *path;
	int queue;
	struct buffer before;
};

static bool leads_to(const char *point, const char *path) {
	size_t len = strlen(point);

	if (strcmp(point, "/") == 0)
		return true;
	return strncmp(point, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Appends the numbers of the file systems that are mounted on the way to the path. */
static int find(struct buffer *ret, const char *path) {
	const size_t size = MOUNTS_MAX * sizeof(struct statfs);
	CLEANUP(free_pointer) struct statfs *list = malloc(size);
	int count;

	if (list == NULL)
		return -ENOMEM;
	count = getfsstat(list, (int)size, MNT_NOWAIT);
	if (count < 0)
		return -errno;
	if (count == MOUNTS_MAX)
		return -EFBIG;
	for (int i = 0; i < count; i++)
		if (leads_to(list[i].f_mntonname, path))
			buffer_put_raw(ret, BYTES(list[i].f_fsid.val));
	return buffer_error(ret);
}

int mounts_new(struct mounts **ret, const char *path) {
	struct mounts *mounts = calloc(1, sizeof(*mounts));
	struct kevent change;
	int error = 0;

	if (mounts == NULL)
		return -ENOMEM;
	mounts->path = strdup(path);
	mounts->queue = kqueue();
	EV_SET(&change, 0, EVFILT_FS, EV_ADD | EV_CLEAR, 0, 0, NULL);
	if (mounts->path == NULL)
		error = -ENOMEM;
	else if (mounts->queue < 0 || fcntl(mounts->queue, F_SETFD, FD_CLOEXEC) < 0 ||
	         kevent(mounts->queue, &change, 1, NULL, 0, NULL) < 0)
		error = -errno;
	if (error == 0)
		error = find(&mounts->before, mounts->path);
	if (error < 0) {
		mounts_free(mounts);
		return error;
	}
	*ret = mounts;
	return 0;
}

void mounts_free(struct mounts *mounts) {
	if (mounts == NULL)
		return;
	close_fd(&mounts->queue);
	buffer_deinit(&mounts->before);
	free(mounts->path);
	free(mounts);
}

int mounts_fd(const struct mounts *mounts) {
	return mounts->queue;
}

bool mounts_are_others(struct mounts *mounts) {
	CLEANUP(buffer_deinit) struct buffer now = {0};
	const struct timespec at_once = {0};
	struct kevent told;

	while (kevent(mounts->queue, NULL, 0, &told, 1, &at_once) == 1)
		;
	return find(&now, mounts->path) < 0 ||
	       !bytes_equal(buffer_bytes(&now), buffer_bytes(&mounts->before));
}
