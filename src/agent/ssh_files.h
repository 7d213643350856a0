/*
 * Asks ssh which known_hosts files it reads (ssh -G), because nobody else knows what it makes of
 * its configuration: Include, Match, tokens, quotes. It may run what a Match exec of that says, as
 * each ssh of the user does; so it is a child, with a time limit and an environment of nothing but
 * where its home is, and what it starts gets nothing from this guard.
 */
#ifndef AGENT_SSH_FILES_H
#define AGENT_SSH_FILES_H

#include <ev.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/destination.h"

#define SSH_FILES_DEADLINE_S 2.
#define SSH_FILES_FILES_MAX  8 /* of each kind; ssh takes no more than 32 */

/* Paths from the root on, owned. */
struct ssh_known_files {
	char *paths[KNOWN_BY_COUNT][SSH_FILES_FILES_MAX]; /* of users, of the system */
	size_t n_paths[KNOWN_BY_COUNT];
};
void ssh_known_files_deinit(struct ssh_known_files *files);

/* Reads what ssh -G prints. home: what "~/" means; NULL: not known. -EBADMSG: it does not name both
 * kinds, or not in a way that can be read for certain. -ENOMEM. */
int ssh_known_files_read(struct ssh_known_files *ret, struct bytes text,
                         const char *home) MUST_CHECK;

struct ssh_files;

/* error: 0, -ETIMEDOUT, -EBADMSG, -EIO: ssh failed. files hold for the call, which is never made
 * from within ssh_files_ask(). */
typedef void ssh_files_told(void *data, int error, const struct ssh_known_files *files);

/* loop must be the default loop, and outlive it. home may be NULL. */
int ssh_files_new(struct ssh_files **ret, struct ev_loop *loop, const char *home,
                  ssh_files_told *told, void *data) MUST_CHECK;
void ssh_files_free(struct ssh_files *config); /* NULL is fine */

/* Begins to ask; one that is asking already begins anew. */
int ssh_files_ask(struct ssh_files *config) MUST_CHECK;

/* The PID of the ssh that is being asked; 0: none is. */
pid_t ssh_files_child(const struct ssh_files *config);

#endif
