/*
 * What ssh -G prints (agent/ssh_query.h), taken apart: which known_hosts files ssh reads, and what it
 * makes of a host that was typed.
 */
#ifndef AGENT_SSH_FILES_H
#define AGENT_SSH_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/destination.h"

#define SSH_FILES_FILES_MAX 8 /* of each kind; ssh takes no more than 32 */

/* Paths from the root on, owned. */
struct ssh_known_files {
	char *paths[KNOWN_BY_COUNT][SSH_FILES_FILES_MAX]; /* of users, of the system */
	size_t n_paths[KNOWN_BY_COUNT];
};
void ssh_known_files_deinit(struct ssh_known_files *files);
bool ssh_known_files_equal(const struct ssh_known_files *a, const struct ssh_known_files *b);

/* Reads what ssh -G prints. home: what "~/" means; NULL: not known. -EBADMSG: it does not name both
 * kinds, or not in a way that can be read for certain. -ENOMEM. */
int ssh_known_files_read(struct ssh_known_files *ret, struct bytes text,
                         const char *home) MUST_CHECK;

/* The name that ssh looks up in known_hosts for what was typed: HostKeyAlias, or else HostName. */
struct ssh_alias {
	char *host;    /* owned */
	uint16_t port; /* 0: a HostKeyAlias, which ssh looks up without one */
};
void ssh_alias_deinit(struct ssh_alias *alias);

/* -EBADMSG: it does not name a host and a port. -ENOMEM. */
int ssh_alias_read(struct ssh_alias *ret, struct bytes text) MUST_CHECK;

#endif
