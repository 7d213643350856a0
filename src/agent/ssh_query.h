/*
 * Asks ssh what its configuration says (ssh -G), because nobody else knows what it makes of
 * Include, Match, tokens and quotes. It may run what a Match exec of that says, as each ssh of the
 * user does; so it is a child, with a time limit and an environment of nothing but where its home
 * is, and what it starts gets nothing from this guard. One that is asked about a host which
 * somebody else has named is to start nothing at all: then its answer is missing where it would
 * have to.
 */
#ifndef AGENT_SSH_QUERY_H
#define AGENT_SSH_QUERY_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define SSH_QUERY_DEADLINE_S 2.

struct ssh_query;

/* error: 0, -ETIMEDOUT, -EIO: ssh failed, -ENOMEM. The text holds for the call, which is never made
 * from within ssh_query_ask(). */
typedef void ssh_query_told(void *data, int error, struct bytes text);

/* loop must be the default loop, and outlive it. home may be NULL. alone: ssh may start nothing. */
int ssh_query_new(struct ssh_query **ret, struct ev_loop *loop, const char *home, bool alone,
                  ssh_query_told *told, void *data) MUST_CHECK;
void ssh_query_free(struct ssh_query *query); /* NULL is fine */

/* Begins to ask about a host; NULL: about one that no block of a configuration is for, and then one
 * that is asking already begins anew. -EBUSY: it is asking. */
int ssh_query_ask(struct ssh_query *query, const char *host) MUST_CHECK;

/* The PID of the ssh that is being asked; 0: none is. */
pid_t ssh_query_child(const struct ssh_query *query);

#endif
