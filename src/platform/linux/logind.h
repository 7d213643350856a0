/*
 * Where a person is, as systemd's login manager has it written down below /run/systemd. Read are
 * the files that its own library reads (sd-login(3)), so that nobody need be asked, who could keep
 * us waiting; and no library is in the way of somebody who runs without systemd. What is not in
 * them is whether the screen is locked.
 */
#ifndef PLATFORM_LINUX_LOGIND_H
#define PLATFORM_LINUX_LOGIND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/caller.h"

#define LOGIND_DIRECTORY "/run/systemd"

/* To which login of the user a cgroup belongs. */
struct logind_place {
	struct bytes session; /* its number; empty where it is no session's */
	bool is_manager;      /* it is below the user's own manager, which serves all sessions */
};

/* Only where logind itself makes it: whoever may make groups of his own makes them further below.
 * Zeroed memory is none of both. */
struct logind_place logind_place_of(const char *cgroup, uid_t uid);

/* What the file of a session says of its person. PRESENCE_UNKNOWN where there is no person (cron, a
 * session that is being closed), or it cannot be said. */
enum presence logind_presence_in(struct bytes session, uid_t uid);

/* From the file of a user: the names of the sessions, one after the other. false: no more. */
bool logind_next_session(struct bytes *ret, struct bytes *rest);
struct bytes logind_sessions_of(struct bytes user);

/* All of it, from files below the directory that belong to owner, which is root. */
enum presence logind_presence(const char *directory, uid_t owner, const char *cgroup, uid_t uid);

#endif
