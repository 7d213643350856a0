/*
 * One connection to the real agent, made for one client on its first message.
 *
 * It carries one request at a time. When it is lost it is made again for the next request, and the
 * session-binds that the agent had accepted, or never answered, are replayed first, in order:
 * without them an agent would take a forwarded connection for a local one.
 */
#ifndef AGENT_UPSTREAM_H
#define AGENT_UPSTREAM_H

#include <ev.h>
#include <stdbool.h>
#include <sys/un.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "platform/platform.h"

#define BINDS_MAX        16          /* as ssh-agent (AGENT_MAX_SESSION_IDS) */
#define BINDS_LEN_MAX    (64 * 1024) /* of one connection: 16 binds with certificates fit */
#define CONNECT_RETRY_MS 10          /* while the agent's queue is full */

/* Where the agent is. Shared by all links, changed by the one who owns it. */
struct upstream_address {
	struct sockaddr_un socket;
	bool managed;    /* we run it ourselves */
	bool down;       /* known to be away: do not even try */
	double answer_s; /* how long an answer may take where a person may be asked */
	/* Who listened there when it was last connected to. */
	struct peer listener;
	bool loops;                  /* what we ask it, it asks us */
	struct upstream_link *links; /* all that there are */
};

/* Whether a message (with its length) is one that the real agent has been asked and not answered,
 * and that has come back from it: then it is a guard whose real agent we are. Passed on, it would
 * come again, and so on until descriptors run out. */
bool upstream_asks_us(struct upstream_address *address, const struct peer *writer,
                      struct bytes message);

struct upstream_link;

/*
 * error is 0 and answer one whole message without its length, which holds for the call; or
 *   -ECONNREFUSED  the agent is away
 *   -ELOOP         it is this guard itself
 *   -ECONNRESET    it went away in the middle
 *   -ETIMEDOUT     it took too long
 *   -EPROTO        what it said is no answer to that request
 *   -EACCES        it refused a session-bind that it had accepted before; so will every later
 *                  request on this link be answered
 */
typedef void upstream_done(void *data, int error, struct bytes answer);

int upstream_link_new(struct upstream_link **ret, struct ev_loop *loop,
                      struct upstream_address *address) MUST_CHECK;
void upstream_link_free(struct upstream_link *link); /* an open request ends without a call */

/* Sends the message (with its length; borrowed until done) and calls done from the loop, or before
 * it returns. Only one request may be open. */
void upstream_link_request(struct upstream_link *link, struct bytes message, double timeout_s,
                           upstream_done *done, void *data);

/* Whether the agent may have seen something of the open request. */
bool upstream_link_has_sent(const struct upstream_link *link);

/* Remembers a bind for a connection that has to be made again: one that the agent accepted, or one
 * that it was away for, and may then refuse as it might have refused it before. Where there are too
 * many to keep, a lost connection is not made again. */
void upstream_link_keep_bind(struct upstream_link *link, struct bytes message, bool accepted);

#endif
