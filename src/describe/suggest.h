/*
 * The smallest rules that allow what a person has allowed or done so far, told from the events: the
 * same program, key and proved destination, and never what was denied.
 *
 * First all events go through suggest_take(), then suggest_settle(), then all of them through
 * suggest_object(), and what is left is written.
 */
#ifndef DESCRIBE_SUGGEST_H
#define DESCRIBE_SUGGEST_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "describe/recall.h"

#define SUGGEST_GROUPS_MAX 1000 /* more than anybody looks through */

struct suggest;

int suggest_new(struct suggest **ret) MUST_CHECK;
void suggest_free(struct suggest *suggest); /* NULL is fine */

/* A signature that was allowed becomes a wish; all else is passed over. */
int suggest_take(struct suggest *suggest, const struct recalled *recalled) MUST_CHECK;
int suggest_settle(struct suggest *suggest) MUST_CHECK;
/* What was denied makes void each wish by which it would be allowed, or may be. */
int suggest_object(struct suggest *suggest, struct recalled *recalled) MUST_CHECK;

/* How many rules there are to write. */
size_t suggest_count(const struct suggest *suggest);
/* Appends the policy, with the events that each rule stands on, and what it does not allow and
 * why. */
int suggest_write(struct buffer *yaml, const struct suggest *suggest) MUST_CHECK;

/* Whether it was denied, by a policy or a person, or because of who asked. */
bool suggest_is_denial(const struct recalled *recalled);

#endif
