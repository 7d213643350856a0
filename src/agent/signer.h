/*
 * Has the real agent sign the head of the log from time to time, with the key that the policy names
 * (log.sign_heads), on a connection of its own. Where it cannot, an event says so once; the next
 * head is tried as many events later.
 */
#ifndef AGENT_SIGNER_H
#define AGENT_SIGNER_H

#include "agent/guard.h"
#include "base/cleanup.h"

struct signer;

int signer_new(struct signer **ret, struct guard *guard) MUST_CHECK; /* guard must outlive it */
void signer_free(struct signer *signer);                             /* NULL is fine */

/* An event was written just now. */
void signer_written(struct signer *signer);

#endif
