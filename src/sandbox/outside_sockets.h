/* The pathname sockets of this network namespace, as /proc/net/unix tells (proc_net(5)). */
#ifndef SANDBOX_OUTSIDE_SOCKETS_H
#define SANDBOX_OUTSIDE_SOCKETS_H

#include "base/bytes.h"
#include "base/cleanup.h"

/* Called with each path, which holds for the call. It is as it was bound: relative to where that
 * process was then, or a name that the socket does not have any more. A name with a line end in it
 * comes in pieces. */
typedef void outside_socket_taker(void *data, const char *path);

void outside_sockets_parse(struct bytes text, outside_socket_taker *take, void *data);
/* -E2BIG: there are more than can be looked at. */
int outside_sockets(outside_socket_taker *take, void *data) MUST_CHECK;

#endif
