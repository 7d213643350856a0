/* A path that is gone along link by link, as the kernel does, by whoever must see each part of it.
 */
#ifndef PLATFORM_WALK_H
#define PLATFORM_WALK_H

#include <sys/stat.h>

#include "base/cleanup.h"

struct walk;
/* The path is an absolute one. In one block of memory: free() lets go of it. */
int walk_new(struct walk **ret, const char *path) MUST_CHECK;

/* What is at the place: *ret is its lstat(). Called for the root, and then for each directory, link
 * and file on the way. An error ends the walk. */
typedef int walk_look(struct stat *ret, const char *place, void *data);

/* -ENOENT, -ENOTDIR: where walk_place() says, the way ends, for nothing or no directory is there.
 * -ELOOP, -ENAMETOOLONG, or what look returned. */
int walk_along(struct walk *walk, walk_look *look, void *data) MUST_CHECK;

/* Views until the next step: where the walk stands, and the directory above that. */
const char *walk_place(const struct walk *walk);
const char *walk_above(struct walk *walk);

#endif
