/*
 * One message of a client on its way: who wrote it, what the policy says, what the real agent
 * answers, and the event. It knows nothing of the client's socket.
 */
#ifndef AGENT_EXCHANGE_H
#define AGENT_EXCHANGE_H

#include <stdbool.h>

#include "agent/guard.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/session.h"

struct exchange;

/* The answer without its length; empty where the client is gone and the connection is to be
 * closed. It holds for the call, which is the last thing that an exchange does: free it there. */
typedef void exchange_done(void *data, struct bytes answer);

/* What a message comes with. All borrowed until done. */
struct exchange_input {
	struct guard *guard;
	struct upstream_link *link;
	const char *endpoint;
	const struct peer *connector;
	const struct peer *writer;
	bool mixed;              /* its bytes came from two writers */
	struct session *session; /* of the connection; a bind adds to it */
	struct bytes message;    /* whole, with its length */
};

/* Where it fails, done is not called. */
int exchange_new(struct exchange **ret, const struct exchange_input *input, exchange_done *done,
                 void *data) MUST_CHECK;
/* Begins; done may be called before it returns. */
void exchange_start(struct exchange *exchange);
void exchange_free(struct exchange *exchange); /* NULL is fine */

/* The client hung up. Nothing is forwarded from now on; done may be called before it returns. */
void exchange_client_gone(struct exchange *exchange);

/* Ends it here, whatever the real agent makes of it: the guard stops. Calls done. */
void exchange_cancel(struct exchange *exchange);

#endif
