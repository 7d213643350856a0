/*
 * Signatures in the form of ssh-keygen -Y (PROTOCOL.sshsig): what an agent is given to sign, what
 * comes of it, and whether it is good.
 */
#ifndef WIRE_SSHSIG_H
#define WIRE_SSHSIG_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/key.h"
#include "wire/host_key.h"

/* The heads of logs, which the guard itself has signed. No client ever gets such a signature. */
#define SSHSIG_LOG_NAMESPACE "ssh-agent-guard-log"

/* Whether a signature of these bytes would be one of that namespace, whatever else is in them. */
bool sshsig_is_for(struct bytes data, const char *name_space);

/* Appends what is to be signed for the message. -ENOMEM, or -EIO: no SHA-512. */
int sshsig_put_data(struct buffer *data, const char *name_space, struct bytes message) MUST_CHECK;

/* Appends the request for an agent to sign that data with the key, with its length. */
int sshsig_put_request(struct buffer *request, struct bytes key_blob, struct bytes data) MUST_CHECK;

/* Appends the signature as ssh-keygen has it, without its armour: signature is the agent's. */
int sshsig_put(struct buffer *sshsig, struct bytes key_blob, const char *name_space,
               struct bytes signature) MUST_CHECK;

/* Whether it is one of the message in that namespace, as `ssh-keygen -Y check-novalidate` tells.
 * *ret_key: by which key; void where it is PROOF_BAD. */
enum proof sshsig_verify(struct key_facts *ret_key, struct bytes sshsig, const char *name_space,
                         struct bytes message);

#endif
