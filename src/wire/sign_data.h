/*
 * The bytes that a client wants signed, which say themselves what they are good for. What counts as
 * a login or an SSHSIG is what OpenSSH's agent counts, to the last byte: a rule for logins must
 * never let something else be signed that merely looks like one.
 */
#ifndef WIRE_SIGN_DATA_H
#define WIRE_SIGN_DATA_H

#include "base/bytes.h"
#include "facts/payload.h"

/* key_blob is the key that is asked to sign: a login names its key, and is one only with that. In
 * one thing this is wider than OpenSSH's agent, which asks no more here than for keys with
 * constraints: ssh with a CertificateFile logs in by a certificate, and has it signed by the plain
 * key. Any bytes have an answer, so nothing can fail. */
void sign_data_parse(struct payload *ret, struct bytes data, struct bytes key_blob);

#endif
