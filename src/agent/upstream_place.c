#include "agent/upstream_place.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel */

/* A path on its way: what was looked up, and what is left of it. */
struct walk {
	char done[PATH_MAX]; /* without a slash at its end; "" is the root */
	char rest[2 * PATH_MAX];
	unsigned n_links;
	struct upstream_place place;
	char *why;
};

__attribute__((format(printf, 3, 4))) static int fault(struct walk *walk, int error,
                                                       const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&walk->why, format, arguments) < 0)
		walk->why = NULL;
	va_end(arguments);
	return error;
}

static const char *name_of(const char *done) {
	return *done != '\0' ? done : "/";
}

static bool is_trusted(const struct stat *status) {
	return status->st_uid == 0 || status->st_uid == geteuid();
}

static int owned_by_another(struct walk *walk, const char *path, const struct stat *status) {
	return fault(walk, -EPERM,
	             "%s belongs to user %u, who can put another agent there (choose an agent of "
	             "your own)",
	             path, (unsigned)status->st_uid);
}

/* The directory that was reached. holds: what comes next lies in it already, and is a directory or
 * a link, so that the sticky bit keeps others from exchanging it. */
static int check_directory(struct walk *walk, bool holds) {
	const char *path = name_of(walk->done);
	struct stat status;

	if (lstat(path, &status) < 0)
		return fault(walk, -errno, "%s: %s", path, strerror(errno));
	if (!is_trusted(&status))
		return owned_by_another(walk, path, &status);
	if ((status.st_mode & 022) != 0 && !(holds && (status.st_mode & S_ISVTX) != 0))
		return fault(walk, -EACCES,
		             "others may write to %s (mode %04o), and put another agent there "
		             "(have it listen in a directory of mode 0700, or chmod go-w it)",
		             path, (unsigned)(status.st_mode & 07777));
	walk->place.mode = status.st_mode & 07777;
	return 0;
}

static int follow_link(struct walk *walk, const char *link, const char *rest) {
	char target[PATH_MAX], whole[sizeof(walk->rest)];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len < 0)
		return fault(walk, -errno, "%s: %s", link, strerror(errno));
	target[len] = '\0';
	if (++walk->n_links > LINKS_MAX)
		return fault(walk, -ELOOP, "%s: it leads over more than %d links", link, LINKS_MAX);
	if (snprintf(whole, sizeof(whole), "%s/%s", target, rest) >= (int)sizeof(whole))
		return fault(walk, -ENAMETOOLONG, "%s: %s", link, strerror(ENAMETOOLONG));
	strcpy(walk->rest, whole);
	if (target[0] == '/')
		walk->done[0] = '\0';
	return 0;
}

/* Whether other users get as far as the directory, which has no links in it. */
static bool others_enter(const char *directory) {
	char path[PATH_MAX];
	struct stat status;

	for (size_t len = strlen(directory);; len--) {
		snprintf(path, sizeof(path), "%.*s", (int)len, directory);
		if (lstat(name_of(path), &status) < 0 || (status.st_mode & 011) == 0)
			return false;
		while (len > 0 && directory[len - 1] != '/')
			len--;
		if (len == 0)
			return true;
	}
}

/* What the path leads to. */
static int check_end(struct walk *walk, const char *path, const struct stat *status) {
	if (!is_trusted(status))
		return owned_by_another(walk, path, status);
	walk->place.is_there = true;
	walk->place.others_connect = others_enter(walk->done) && (status->st_mode & 022) != 0;
	return 0;
}

static void go_up(struct walk *walk) {
	char *slash = strrchr(walk->done, '/');

	if (slash != NULL)
		*slash = '\0';
}

/* Takes the next part of the path. 1: that was the last one. */
static int step(struct walk *walk) {
	char part[NAME_MAX + 1], path[PATH_MAX], rest[sizeof(walk->rest)];
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");
	bool is_last, is_there;
	struct stat status;
	int error;

	if (len == 0)
		return 1;
	if (len >= sizeof(part))
		return fault(walk, -ENAMETOOLONG, "%s: %s", start, strerror(ENAMETOOLONG));
	snprintf(part, sizeof(part), "%.*s", (int)len, start);
	strcpy(rest, start + len);
	is_last = rest[strspn(rest, "/")] == '\0';
	strcpy(walk->rest, rest);
	if (strcmp(part, ".") == 0)
		return 0;
	if (strcmp(part, "..") == 0) {
		go_up(walk);
		return 0;
	}
	if (snprintf(path, sizeof(path), "%s/%s", walk->done, part) >= (int)sizeof(path))
		return fault(walk, -ENAMETOOLONG, "%s/%s: %s", walk->done, part,
		             strerror(ENAMETOOLONG));
	is_there = lstat(path, &status) == 0;
	if (!is_there && errno != ENOENT)
		return fault(walk, -errno, "%s: %s", path, strerror(errno));
	error = check_directory(walk, is_there && (!is_last || S_ISLNK(status.st_mode)));
	if (error < 0 || !is_there)
		return error < 0 ? error : 1; /* nobody else can make what is missing */
	if (S_ISLNK(status.st_mode))
		return is_trusted(&status) ? follow_link(walk, path, rest)
		                           : owned_by_another(walk, path, &status);
	if (is_last)
		return check_end(walk, path, &status) < 0 ? -EPERM : 1;
	strcpy(walk->done, path);
	return 0;
}

int upstream_place_look(struct upstream_place *ret, char **ret_why, const char *path) {
	struct walk walk = {0};
	int result = 0;

	if (snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= PATH_MAX)
		result = fault(&walk, -ENAMETOOLONG, "%s", strerror(ENAMETOOLONG));
	while (result == 0)
		result = step(&walk);
	if (result < 0) {
		*ret_why = walk.why;
		return result;
	}
	walk.place.others_enter = others_enter(walk.done);
	*ret = walk.place;
	return 0;
}
