/*
 * The policy lock. While the policy in force, or the system floor, says lock: true, a changed
 * policy is not used until a person has said yes to it by a method that was enrolled before. What
 * was accepted last is kept in the state directory, and is what a guard begins with.
 *
 * That copy is a file of this user. So a guard that runs cannot be moved by files; what happens
 * while none runs, can be seen at best.
 */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include "agent/control.h"
#include "agent/guard.h"
#include "base/cleanup.h"

struct lock;
struct lock_hosts;

/* Another policy is in force, by a person's yes. is_in_file: it is what the file held when that was
 * read last; else the file is to be read again, for what it says now is not what is in force. */
typedef void lock_changed(void *data, bool is_in_file);

/* The guard must outlive it. */
int lock_new(struct lock **ret, struct guard *guard, lock_changed *changed, void *data) MUST_CHECK;
void lock_free(struct lock *lock); /* NULL is fine; before the asker is let go of */

/* Which policy a guard begins with: the accepted one, else what lies at the policy's path. What is
 * wrong is in *problems. -ENOENT: there is no policy at all. */
int lock_load(struct policy **ret, struct lock *lock, struct problems *problems) MUST_CHECK;
/* For tools: the accepted policy with which a guard of that state directory would begin, where it
 * is locked. floor may be NULL. -ENOENT: none is. */
int lock_peek(struct policy **ret, const char *state, const struct policy *floor,
              struct problems *problems) MUST_CHECK;
/* Once events can be written: tells of what was trusted on first use. */
void lock_started(struct lock *lock);

/* Whether the policy, which was read from what copy holds, must not be used now. It is kept until
 * somebody accepts it, or another one is read. */
bool lock_holds(struct lock *lock, struct policy *policy, struct bytes copy);
/* There is no policy file, and none was used: what it held before, if anything, is not on offer any
 * more. */
void lock_gone(struct lock *lock);
/* The policy that was read from copy is in force now. */
void lock_took(struct lock *lock, struct bytes copy);
/* Another floor may be in force now. Where it locks what is in force, the lock begins with that,
 * whatever the policy file says by now. */
void lock_floor_changed(struct lock *lock);
/* What the user should know and do while a policy is held; NULL: none is. */
const char *lock_notice(const struct lock *lock);

/* Whose known_hosts was accepted; NULL: lock is. */
struct lock_hosts *lock_hosts_of(struct lock *lock);

/* Has a person asked about the policy that is held, and about what known_hosts says, where that is
 * another than was accepted. The answer's first line is the number of the
 * request, as of `confirm`, or 0 where there is nothing to accept. */
enum control_result lock_accept(struct lock *lock, struct buffer *answer);

#endif
