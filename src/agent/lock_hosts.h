/*
 * What known_hosts of the user said when the policy was accepted. Under a lock a name in a rule
 * means the host keys that it had then: a line that a program of the user appends later allows
 * nothing before a person has said yes to it.
 *
 * It is kept in the state directory as lines of known_hosts behind a first one with their SHA-256,
 * and, as the accepted policy itself, a file of this user. Where a guard finds it missing or
 * damaged under a lock, no name of the user's files is accepted.
 */
#ifndef AGENT_LOCK_HOSTS_H
#define AGENT_LOCK_HOSTS_H

#include "agent/guard.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define LOCK_HOSTS_FILE "known_hosts.accepted" /* in the state directory */

struct lock_hosts;

int lock_hosts_new(struct lock_hosts **ret, struct guard *guard) MUST_CHECK;
void lock_hosts_free(struct lock_hosts *hosts); /* NULL is fine */

/* There is no lock, or no more. */
void lock_hosts_release(struct lock_hosts *hosts);
/* There is one from now on, and what known_hosts says is trusted as it is: once it was read.
 * false: there was one before, and what was accepted stays so, whatever could not be written. */
bool lock_hosts_trust(struct lock_hosts *hosts);
/* There is one, and nothing was accepted yet; nothing changes where there was one before. */
void lock_hosts_none(struct lock_hosts *hosts);
/* There is one since before this guard: its file says what was accepted. */
void lock_hosts_load(struct lock_hosts *hosts);
/* A person has said yes to this. On an error all is as it was. */
int lock_hosts_take(struct lock_hosts *hosts, struct bytes text) MUST_CHECK;

/* Once events can be written: tells of what was trusted, or could not be used. */
void lock_hosts_started(struct lock_hosts *hosts);
/* The files were read again. */
void lock_hosts_read(struct lock_hosts *hosts);

/* What was accepted, borrowed until it changes, which hosts_lock_changed() tells. false: no lock,
 * or it waits for known_hosts to be read. */
bool lock_hosts_text(const struct lock_hosts *hosts, struct bytes *ret);
/* Whether that is nothing because its file was not what a guard wrote. */
bool lock_hosts_is_at_fault(const struct lock_hosts *hosts);

/* The file, taken apart; *ret points into it. -EBADMSG: it is not what the guard writes. */
int lock_hosts_parse(struct bytes *ret, struct bytes file) MUST_CHECK;

#endif
