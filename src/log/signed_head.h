/*
 * A head of the chain that the user's agent has signed: an event tells it, and wherever a copy of
 * that is kept, it is an anchor for all events up to the one it names. Who has no such key cannot
 * make one for a log that he wrote himself.
 *
 * What is signed is the line "SEQ HASH\n" of the last event, as an SSHSIG (wire/sshsig.h), so that
 * ssh-keygen can verify it, too.
 */
#ifndef LOG_SIGNED_HEAD_H
#define LOG_SIGNED_HEAD_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/key.h"
#include "log/chain.h"
#include "wire/host_key.h"

#define SIGNED_HEAD_TRIGGER "log-head"

/* Appends the line for the event before the one that has this link. */
int signed_head_put_line(struct buffer *line, const struct chain_link *link) MUST_CHECK;

/* Appends the signature as the event holds it: base64. */
int signed_head_put_text(struct buffer *text, struct bytes sshsig) MUST_CHECK;

/* Reads the head that the document tells, and whether it is signed by the key that it names.
 * -ENOENT: it tells none. PROOF_BAD also for what cannot be read. */
int signed_head_read(struct chain_link *ret, struct key_facts *ret_key, enum proof *ret_proof,
                     struct bytes document) MUST_CHECK;

#endif
