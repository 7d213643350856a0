/* A process's namespaces beside ours. Blocks, as all reads of /proc/PID. */
#ifndef PLATFORM_LINUX_NAMESPACES_H
#define PLATFORM_LINUX_NAMESPACES_H

#include <stdbool.h>

#include "facts/caller.h"
#include "facts/tri.h"

/* A namespace's identity, as its link says it ("net:[4026531840]"); empty: it could not be learned.
 * Reading the link takes half of what looking behind it does. */
struct namespace_id {
	char text[32];
};

struct view {
	struct namespace_id own[APART_COUNT]; /* by the bits of enum apart */
	/* /proc is that of our PID namespace: else its numbers are not those by which the kernel
	 * names writers. */
	bool is_our_proc;
	bool is_initial_user; /* as far as uid_map tells */
	struct far_ends *far_ends;
};

/* Each of the process whose directory in /proc is dir_fd. TRI_UNKNOWN where we may not look. */
enum tri namespaces_same_mount(const struct view *view, int dir_fd);
enum tri namespaces_same_user(const struct view *view, int dir_fd);
enum tri namespaces_same_pid(const struct view *view, int dir_fd);

/* All of them, as in struct caller. */
void namespaces_compare(unsigned *ret_apart, unsigned *ret_unknown, const struct view *view,
                        int dir_fd);

#endif
