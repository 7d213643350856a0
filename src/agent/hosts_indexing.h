/*
 * Texts of known_hosts on their way into an index, a piece in each turn of the loop, so that nobody
 * waits: of the files as they are, and under a lock a second one of what was accepted.
 */
#ifndef AGENT_HOSTS_INDEXING_H
#define AGENT_HOSTS_INDEXING_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "wire/known_hosts.h"

struct hosts_indexing;

/* What comes of it. Whoever is handed one owns what is in it. */
struct hosts_indexed {
	struct known_hosts *now;
	struct known_hosts *accepted; /* and the system's files; NULL: nothing else was accepted */
	struct buffer listed;         /* the users' files, one behind the other */
	size_t n_files;
};
void hosts_indexed_deinit(struct hosts_indexed *indexed); /* zeroed memory is fine */

/* The last thing of a turn; it may begin anew from within. Where error is not 0, there is no
 * index. */
typedef void hosts_indexing_done(void *data, int error, struct hosts_indexed *indexed);

/* loop must outlive it. */
int hosts_indexing_new(struct hosts_indexing **ret, struct ev_loop *loop, hosts_indexing_done *done,
                       void *data) MUST_CHECK;
void hosts_indexing_free(struct hosts_indexing *indexing); /* nobody is told; NULL is fine */

/* Begins with nothing; what it was at is forgotten. After -ENOMEM, of this one and the next two,
 * nothing is kept, and nobody will be told. */
int hosts_indexing_begin(struct hosts_indexing *indexing) MUST_CHECK;
/* The next file. -EFBIG: there is no room for it, and it is left out by itself, or whoever fills
 * one file would keep the revocations of all others from being read. -ENOMEM. */
int hosts_indexing_add(struct hosts_indexing *indexing, struct bytes text,
                       bool is_systems) MUST_CHECK;
/* What was accepted is this, which stands beside the users' files unless it is the same. */
int hosts_indexing_accept(struct hosts_indexing *indexing, struct bytes accepted) MUST_CHECK;
/* That was all of it: done is called in a later turn. */
void hosts_indexing_go(struct hosts_indexing *indexing);

/* Whether it has begun, and nobody was told of the end. */
bool hosts_indexing_is_at_work(const struct hosts_indexing *indexing);

#endif
