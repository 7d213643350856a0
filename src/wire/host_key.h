/*
 * Signatures by host keys and by the CAs behind their certificates, verified with libcrypto.
 *
 * Ed25519, ECDSA on the three NIST curves, RSA with SHA-2, and the security key forms of the first
 * two. OpenSSH would also take DSA, and RSA with SHA-1: those are told apart from a bad signature,
 * because they prove nothing, but are no sign of an attack either.
 */
#ifndef WIRE_HOST_KEY_H
#define WIRE_HOST_KEY_H

#include "base/bytes.h"
#include "facts/tri.h"
#include "wire/key.h"

#define RSA_BITS_MIN 1024 /* as OpenSSH's SSH_RSA_MINIMUM_MODULUS_SIZE, client and agent */

/* Zeroed memory is no proof. */
enum proof { PROOF_BAD, PROOF_UNVERIFIABLE, PROOF_GOOD };

/* Whether signature (RFC 4253 section 6.6) is that of data by the key; a certificate's is that of
 * its plain key, whatever the certificate is worth. As OpenSSH's sshkey_verify(). */
enum proof host_key_verify(const struct public_key *key, struct bytes signature, struct bytes data);

/* The CA's signature on a certificate. PROOF_BAD also for one whose CA key is a certificate. */
enum proof certificate_verify(const struct public_key *certificate);

/* NULL, or why the certificate is not good for a host at that time (seconds since 1970), whichever
 * it names: a static text for a person. Beyond OpenSSH's sshkey_cert_check_host() it must name
 * one, because a certificate without principals is good for every host. */
const char *host_certificate_fault(const struct public_key *certificate, int64_t now_s);

#endif
