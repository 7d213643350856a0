/*
 * Panic: every signature is refused, also after a restart, until somebody ends it. Whoever can
 * reach the control socket may begin it. To end it takes a person's yes where anything is enrolled
 * that can give one: what it is to hold up is a program of this account.
 */
#ifndef AGENT_PANIC_H
#define AGENT_PANIC_H

#include "agent/control.h"
#include "agent/guard.h"

struct panic;

/* The guard must outlive it; it begins as it was left. */
int panic_new(struct panic **ret, struct guard *guard) MUST_CHECK;
void panic_free(struct panic *panic); /* NULL is fine; before the asker is let go of */

enum control_result panic_begin(struct panic *panic, const struct control_call *call,
                                struct buffer *answer);
/* The answer's first line begins with the number of the question, as of `confirm`, or with 0 where
 * nobody is asked: panic has ended. */
enum control_result panic_end(struct panic *panic, const struct control_call *call,
                              struct buffer *answer);

#endif
