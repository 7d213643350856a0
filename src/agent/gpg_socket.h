/*
 * gpg-agent's own socket, where gpg looks for it: made by us for the gpg-agent that we start, and
 * kept over its restarts, so that gpg starts no other one in between. It signs for every program of
 * this user, because gpg is one, so nothing of it can be hidden.
 */
#ifndef AGENT_GPG_SOCKET_H
#define AGENT_GPG_SOCKET_H

#include "base/cleanup.h"

struct gpg_socket;

/* Asks gpgconf, the program, where that is, and waits for it. *ret_why is a sentence for a person,
 * owned by the caller, where there is an error. */
int gpg_socket_new(struct gpg_socket **ret, char **ret_why, const char *gpgconf) MUST_CHECK;
void gpg_socket_free(struct gpg_socket *gpg); /* takes the name away; NULL is fine */

/* Makes sure that it is there. *ret_why as above. */
int gpg_socket_listen(struct gpg_socket *gpg, char **ret_why) MUST_CHECK;
int gpg_socket_fd(const struct gpg_socket *gpg); /* the listener, borrowed */

#endif
