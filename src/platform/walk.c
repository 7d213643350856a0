#include "platform/walk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's own (path_resolution(7)) */

struct walk {
	unsigned links;
	char done[PATH_MAX];  /* where the walk stands; "" is the root */
	char left[PATH_MAX];  /* what is to be walked from there */
	char above[PATH_MAX]; /* what was asked for last */
};

int walk_new(struct walk **ret, const char *path) {
	struct walk *walk;

	if (path[0] != '/')
		return -EINVAL;
	if (strlen(path) >= sizeof(walk->left))
		return -ENAMETOOLONG;
	walk = calloc(1, sizeof(*walk));
	if (walk == NULL)
		return -ENOMEM;
	strcpy(walk->left, path);
	*ret = walk;
	return 0;
}

const char *walk_place(const struct walk *walk) {
	return walk->done[0] != '\0' ? walk->done : "/";
}

const char *walk_above(struct walk *walk) {
	char *slash;

	strcpy(walk->above, walk->done);
	slash = strrchr(walk->above, '/');
	if (slash != NULL)
		*slash = '\0';
	return walk->above[0] != '\0' ? walk->above : "/";
}

static void step_back(struct walk *walk) {
	char *slash = strrchr(walk->done, '/');

	if (slash != NULL)
		*slash = '\0';
}

/* The walk stands at a link: it goes on where that leads. */
static int follow(struct walk *walk) {
	char target[PATH_MAX];
	ssize_t len = readlink(walk->done, target, sizeof(target));
	size_t left_len = strlen(walk->left);

	if (len < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len + left_len + 2 > sizeof(walk->left))
		return -ENAMETOOLONG;
	memmove(walk->left + len + 1, walk->left, left_len + 1);
	memcpy(walk->left, target, (size_t)len);
	walk->left[len] = '/';
	step_back(walk);
	if (target[0] == '/')
		walk->done[0] = '\0';
	return 0;
}

/* Takes the next part of the way off walk->left, and steps there. 0, or 1 where none is left. */
static int step(struct walk *walk) {
	char *begin = walk->left + strspn(walk->left, "/");
	size_t len = strcspn(begin, "/");
	size_t at = strlen(walk->done);

	if (len == 0)
		return 1;
	if (len == 2 && strncmp(begin, "..", 2) == 0) {
		step_back(walk);
	} else if (len != 1 || *begin != '.') {
		if (at + len + 2 > sizeof(walk->done))
			return -ENAMETOOLONG;
		walk->done[at] = '/';
		memcpy(walk->done + at + 1, begin, len);
		walk->done[at + 1 + len] = '\0';
	}
	memmove(walk->left, begin + len, strlen(begin + len) + 1);
	return 0;
}

int walk_along(struct walk *walk, walk_look *look, void *data) {
	struct stat status;
	int error = look(&status, walk_place(walk), data);

	while (error == 0) {
		error = S_ISLNK(status.st_mode) ? follow(walk) : 0;
		if (error == 0)
			error = step(walk);
		if (error == 0)
			error = look(&status, walk_place(walk), data);
	}
	return error < 0 ? error : 0;
}
