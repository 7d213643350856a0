/*
 * A session-bind of a host that never was, to find out whether an agent looks at binds at all. Its
 * key is made for the one message and forgotten.
 */
#ifndef WIRE_PROBE_BIND_H
#define WIRE_PROBE_BIND_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/cleanup.h"

/* Appends the message, with its length. good: the host has signed that session id; else another.
 * -ENOTSUP: libcrypto makes no Ed25519 key. -ENOMEM. */
int probe_bind_put(struct buffer *message, bool good) MUST_CHECK;

#endif
