/*
 * What known_hosts says, kept as its files are: those that the policy names, else those that ssh's
 * configuration does. They are read by a child, indexed a piece at a time so that nobody waits, and
 * read again when they change.
 */
#ifndef AGENT_HOSTS_H
#define AGENT_HOSTS_H

#include "agent/guard.h"
#include "agent/hosts_waits.h"
#include "base/cleanup.h"
#include "wire/known_hosts.h"

struct hosts;
struct ssh_aliases;

/* Called once, when all was read for the first time, or could not be. */
typedef void hosts_ready(void *data);

/* The guard must outlive it. */
int hosts_new(struct hosts **ret, struct guard *guard, hosts_ready *ready, void *data) MUST_CHECK;
void hosts_free(struct hosts *hosts); /* NULL is fine */

/* Another policy is in force, which may name other files. */
void hosts_policy_changed(struct hosts *hosts);

/* The index as it is now, for this turn of the loop; NULL: nothing could be read. */
const struct known_hosts *hosts_index(const struct hosts *hosts);
/* Whether all files could be read, and the last time, too: else a key that is not there may well be
 * in one of them. */
bool hosts_is_complete(const struct hosts *hosts);

/* What a person is to know of it: that they cannot be read, or which could not. NULL: all is well.
 * Borrowed for this turn. */
const char *hosts_notice(const struct hosts *hosts);

/* Who can say what ssh's configuration makes of a host; NULL: nobody. */
struct ssh_aliases *hosts_aliases(const struct hosts *hosts);

/* Under a lock: the same of what was accepted; NULL: that is the same, or there is no lock. */
const struct known_hosts *hosts_accepted(const struct hosts *hosts);
/* What was accepted is something else, or there is no lock any more. NULL is fine. */
void hosts_lock_changed(struct hosts *hosts);
/* What the users' files say that are indexed, one behind the other. Borrowed for this turn. */
struct bytes hosts_users_text(const struct hosts *hosts);
bool hosts_have_been_read(const struct hosts *hosts);

/* Whether the guard itself has started that process, to be told of ssh's configuration, or what has
 * started it. */
bool hosts_has_started(const struct hosts *hosts, const struct caller *caller);

/* done is called from the loop, once the files were read as they are by now, or cannot be; at once,
 * and from within, where there is nothing to wait for. */
void hosts_wait(struct hosts *hosts, struct hosts_wait *wait, void (*done)(void *data), void *data);

#endif
