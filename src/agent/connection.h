/*
 * The client's side of a connection: its bytes cut into messages, each with the process that wrote
 * it; one message served at a time, the others waiting; and the answers, in order.
 */
#ifndef AGENT_CONNECTION_H
#define AGENT_CONNECTION_H

#include "agent/guard.h"
#include "base/cleanup.h"

#define HALF_MESSAGE_S 10. /* a client that stops in the middle of a message is let go */
#define STUCK_ANSWER_S 60. /* and so is one that does not take its answer */

/* fd is an accepted socket, ours from here on also where it fails; endpoint is copied. The
 * connection frees itself when its client is done. */
int connection_new(struct guard *guard, int fd, const char *endpoint) MUST_CHECK;

/* Ends every connection of the guard: what is not forwarded is cancelled, with its event. */
void connections_end(struct guard *guard);

/* To be called when the guard's hangups are readable. */
void connections_hung_up(struct guard *guard);

#endif
