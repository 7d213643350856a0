/*
 * The hash of a PIN by yescrypt, which takes a moment and some memory on purpose: made in a child
 * process, so that nobody else waits.
 */
#ifndef CONFIRM_HASHING_H
#define CONFIRM_HASHING_H

#include <ev.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "confirm/pin.h"

#define HASHING_DEADLINE_S 20. /* a loaded small machine needs a second */

struct hashing;

/* hash is NULL where it could not be made, and holds for the call, in which the hashing ends. */
typedef void hashing_done(void *data, const char *hash);

/* setting is a hash of before, so that the same PIN gives the same one again; NULL: a new one. The
 * PIN is borrowed for the call. loop must be the default one. */
int hashing_start(struct hashing **ret, struct ev_loop *loop, const char *pin, const char *setting,
                  hashing_done *done, void *data) MUST_CHECK;
void hashing_cancel(struct hashing *hashing); /* done will not be called; NULL is fine */

/* The same at once, for tools. */
int hash_pin(char ret[static PIN_HASH_SIZE], const char *pin, const char *setting) MUST_CHECK;

/* In a time that does not tell where they differ. */
bool hash_same(const char *a, const char *b);

#endif
