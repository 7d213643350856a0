/* struct caller (facts/caller.h) made, copied to and from bytes, and let go. */
#ifndef CALLER_CALLER_H
#define CALLER_CALLER_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "caller/environment.h"
#include "caller/kin.h"
#include "facts/caller.h"
#include "platform/platform.h"

void process_deinit(struct process *process);
void caller_free(struct caller *caller); /* NULL is fine */

/* A caller of whom nothing is known but what the kernel said (peer may be NULL or unknown).
 * reason is a static text. -ENOMEM. */
int caller_new_unknown(struct caller **ret, const struct peer *peer, const char *reason) MUST_CHECK;

/* Reads all there is to read of the peer's process and its ancestors, and of its environment what
 * names asks for; reads twice what must not have changed meanwhile. kin has ancestors of callers
 * before; without it, all are read anew. Blocks: only for the reader process. */
int caller_read_with(struct caller **ret, const struct view *view, struct kin *kin,
                     const struct peer *peer, const struct env_names *names) MUST_CHECK;
int caller_read(struct caller **ret, const struct view *view, const struct peer *peer,
                const struct env_names *names) MUST_CHECK;

/*
 * Takes the end of a remote login for foreign: sshd's process for a session runs as its user, and
 * because it was root's before, the kernel lets nobody but root read it. It is told by its parent,
 * which is another user's, and not the first process: that takes in everybody's orphans.
 */
void caller_mark_sessions(struct caller *caller);

/* Says who connected, where that is another process than the writer, or cannot be said; and whether
 * the writer itself is known by the connection alone. */
void caller_set_connector(struct caller *caller, const struct peer *writer,
                          const struct peer *connector);

#define CALLER_ENCODED_LEN_MAX (128 * 1024) /* below a socket's buffer: one packet takes it */

/* To the reader process and back. What would be longer than CALLER_ENCODED_LEN_MAX loses the ends
 * of its argv lists first, then its farthest ancestors, and says so in argv_cut and
 * ancestors_known. -EBADMSG: not what caller_encode() writes. */
void caller_encode(struct buffer *buffer, const struct caller *caller);
int caller_decode(struct caller **ret, struct bytes bytes) MUST_CHECK;

#endif
