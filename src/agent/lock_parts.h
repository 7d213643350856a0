/* The inside of struct lock, for the files that make it up: what is in force, what the file says by
 * now, and what a person is asked about. Not a door for other modules. */
#ifndef AGENT_LOCK_PARTS_H
#define AGENT_LOCK_PARTS_H

#include "agent/kept.h"
#include "agent/lock.h"
#include "agent/lock_hosts.h"
#include "base/buffer.h"
#include "confirm/broker.h"

/* A policy, and what it was read from. */
struct lock_offer {
	struct policy *policy; /* NULL: there is none */
	struct buffer copy;
	struct buffer hosts; /* of what a person is asked about: known_hosts, as it was shown */
};

struct lock {
	struct guard *guard;
	lock_changed *changed;
	void *data;
	struct buffer current; /* what the policy in force was read from; empty: there is no file */
	struct kept kept;      /* that, in the state directory, where it is locked */
	struct lock_hosts *hosts;
	bool on_first_use;       /* it was trusted without a yes, and no event has told that yet */
	struct lock_offer held;  /* what the file says now, and is not used */
	struct lock_offer asked; /* what a person is asked about */
	struct waiter *waiter;   /* NULL: nobody is asked */
	char *notice;
};

void lock_offer_clear(struct lock_offer *offer);
/* -ENOMEM: it is empty then. */
int lock_offer_set(struct lock_offer *offer, struct policy *policy, struct bytes copy) MUST_CHECK;

/* Whether the floor or that policy locks. */
bool lock_locks(const struct guard *guard, const struct policy *policy);
/* The copy in the state directory: written, or taken away, and known_hosts is free then. On an
 * error all is as it was. */
int lock_write_copy(struct lock *lock, const struct policy *policy, struct bytes copy) MUST_CHECK;
int lock_remove_copy(struct lock *lock) MUST_CHECK;

/* An event; prompt: of a person's answer, or NULL. */
void lock_say(struct lock *lock, const char *trigger, const char *reason,
              const struct prompt *prompt, const char *detail);
void lock_set_notice(struct lock *lock, const char *text);
void lock_tell_held(struct lock *lock, const struct policy *policy);

/* lock_accept.c: a question about another policy than the file has now is no use to anybody. */
void lock_stop_asking(struct lock *lock);

#endif
