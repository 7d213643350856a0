/* The answer to a request for identities, with some of them left out. */
#ifndef WIRE_IDENTITIES_H
#define WIRE_IDENTITIES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

/* Whether an identity stays in the list. */
typedef bool identity_keep(void *data, struct bytes key_blob);

/* Appends to *ret the answer without the identities that are not to be kept; the others stay byte
 * for byte, in their order, and so does what follows them. -EBADMSG: not a whole list, and *ret is
 * void; -ENOMEM. */
int identities_filter(struct buffer *ret, struct bytes answer, identity_keep *keep,
                      void *data) MUST_CHECK;

/* Called for each identity of an answer, in their order, up to the first that is not whole. */
typedef void identity_take(void *data, struct bytes key_blob, struct bytes comment);
void identities_each(struct bytes answer, identity_take *take, void *data);

#endif
