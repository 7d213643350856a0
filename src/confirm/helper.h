/*
 * A helper: a child of the guard that speaks with devices for it, which blocks for as long as a
 * person takes, and which can be ended at any moment. One message is one packet.
 */
#ifndef CONFIRM_HELPER_H
#define CONFIRM_HELPER_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define HELPER_END_S 3. /* for it to let go of its devices; then it is killed */

struct helper;

struct helper_calls {
	/* A message. false: it makes no sense, so that the helper is killed and lost() follows. */
	bool (*said)(void *data, struct bytes message);
	/* It has ended without a word, or was killed for a wrong one. */
	void (*lost)(void *data);
	/* It is gone: now its devices are free. */
	void (*ended)(void *data);
	void *data;
};

/* run is called in the child, and never returns. Its messages have at most message_max bytes, which
 * are at most 2048. loop must be the default one. */
int helper_start(struct helper **ret, struct ev_loop *loop, void (*run)(int fd, pid_t parent),
                 size_t message_max, const struct helper_calls *calls) MUST_CHECK;
/* One packet: the head, and the secret as a string behind it, copied nowhere else; "": it is an
 * empty one. NULL: nothing is behind. */
int helper_send(struct helper *helper, struct bytes head, const char *secret) MUST_CHECK;
/* Nothing more is heard of it; it sees that, and ended() follows. */
void helper_hang_up(struct helper *helper);
/* At once, and nobody is called. NULL is fine. */
void helper_free(struct helper *helper);

#endif
