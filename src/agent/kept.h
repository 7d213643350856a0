/*
 * A file in the state directory that holds what was accepted last. It is a file of this user: while
 * a guard runs that is put back which somebody else changes, and a later guard begins with what it
 * finds.
 */
#ifndef AGENT_KEPT_H
#define AGENT_KEPT_H

#include <ev.h>
#include <stdbool.h>

#include "agent/guard.h"
#include "agent/own_file.h"
#include "base/buffer.h"
#include "base/cleanup.h"

/* What is to stand in it now. -ENOMEM. */
typedef int kept_content(void *data, struct buffer *ret);

struct kept {
	struct guard *guard;
	const char *name; /* static */
	kept_content *content;
	void *data;
	bool is_kept; /* it is to be there */
	struct own_file file;
	ev_timer restore;
	double restored_at;
};

/* The guard must outlive it. -ENOMEM: it is empty then. */
int kept_init(struct kept *kept, struct guard *guard, const char *name, kept_content *content,
              void *data) MUST_CHECK;
void kept_deinit(struct kept *kept); /* zeroed memory is fine */

/* Writes it, or takes it away. On an error it is to be there if it was before. */
int kept_write(struct kept *kept, struct bytes bytes) MUST_CHECK;
int kept_remove(struct kept *kept) MUST_CHECK;
/* It was read, and is what this guard goes by. */
void kept_found(struct kept *kept);
/* From now on it is watched. */
void kept_start(struct kept *kept);

/* Nothing but a private file of ours was written by us. -ENOENT, -EINVAL and -ELOOP: something else
 * lies there, -EPERM: it is not private, -EFBIG. */
int kept_read(struct buffer *ret, int state_fd, const char *name, size_t len_max) MUST_CHECK;
/* What is wrong with it, by that error or by -EBADMSG. */
const char *kept_fault(int error);

#endif
