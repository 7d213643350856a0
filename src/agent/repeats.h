/*
 * Refusals that are told one by one, and those that are only counted. Whoever is refused can ask
 * again a thousand times a second; a log in which that drowns the signatures serves him.
 *
 * The first refusals of a kind are written whole. Those that follow within the same few seconds
 * are counted, and one event tells how many they were. A kind is what was asked, by which
 * executable, for which key and host, and why it was refused. Signatures, what a person was asked
 * about, and changes of the agent are always told one by one.
 */
#ifndef AGENT_REPEATS_H
#define AGENT_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "facts/event.h"

#define REPEATS_WHOLE     32  /* of each kind: a person who tries again sees each try */
#define REPEATS_WHOLE_ALL 256 /* of all kinds together */
#define REPEATS_KINDS_MAX 64  /* at one time; more are counted together, as one kind */
#define REPEATS_WINDOW_NS UINT64_C(10000000000)

struct repeats;

int repeats_new(struct repeats **ret) MUST_CHECK;
void repeats_free(struct repeats *repeats); /* NULL is fine */

/* Whether the event is to be written. Else it was counted. */
bool repeats_tell(struct repeats *repeats, const struct event *event, uint64_t now_ns);

/* When the oldest window ends; 0: none is open. */
uint64_t repeats_due_ns(const struct repeats *repeats);

/* Closes windows that ended by then, from the oldest on, up to one in which something was counted,
 * and makes *ret of that: borrowed until the next call. false: there is none. Once it is written,
 * repeats_told() ends it. */
bool repeats_next(struct event *ret, struct repeats *repeats, uint64_t until_ns);
void repeats_told(struct repeats *repeats);

#endif
