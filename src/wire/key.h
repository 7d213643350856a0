/*
 * Public keys as they travel (RFC 4253 section 6.6, RFC 5656, PROTOCOL.u2f, PROTOCOL.certkeys),
 * taken apart into views that point into their blob.
 *
 * OpenSSH takes many blobs for the same key: another name of its type ("rsa-sha2-256" for
 * "ssh-rsa"), zeros before a number, a NUL behind a name. A rule on a key must hold however the key
 * is written, so views, fingerprints and comparisons here are those of the canonical form.
 */
#ifndef WIRE_KEY_H
#define WIRE_KEY_H

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "facts/key.h"

enum key_family {
	KEY_RSA,
	KEY_DSA,
	KEY_ECDSA,
	KEY_ED25519,
	KEY_SK_ECDSA,
	KEY_SK_ED25519,
};

struct key_type {
	const char *name;  /* as it may stand in a blob */
	const char *usual; /* what OpenSSH writes for it */
	const char *plain; /* as usual, without the certificate */
	const char *curve; /* ECDSA; else NULL */
	enum key_family family;
	bool is_certificate;
};

#define KEY_FIELDS_MAX             4
#define CERTIFICATE_PRINCIPALS_MAX 256 /* as OpenSSH's SSHKEY_CERT_MAX_PRINCIPALS */

enum certificate_type { CERTIFICATE_USER = 1, CERTIFICATE_HOST = 2 };

struct certificate {
	uint64_t serial;
	uint32_t type; /* enum certificate_type */
	struct bytes key_id;
	struct bytes principals; /* checked; walk it by certificate_principal() */
	size_t n_principals;     /* 0: good for any name, as far as the certificate goes */
	uint64_t valid_after;    /* seconds since 1970; valid from then on ... */
	uint64_t valid_before;   /* ... and until the second before */
	struct bytes critical_options;
	struct bytes ca_key;
	struct bytes signed_part;
	struct bytes signature; /* of the signed part by the CA; nobody has verified it here */
};

struct public_key {
	const struct key_type *type; /* static */
	struct bytes blob;
	/* RSA: e, n. DSA: p, q, g, y. ECDSA: curve, point. Ed25519: key. Security keys end with the
	 * application. Numbers have no leading zeros, names no NUL. */
	struct bytes fields[KEY_FIELDS_MAX];
	struct certificate certificate; /* where type->is_certificate */
};

/* The type of that name, which may be an algorithm's ("rsa-sha2-512"); NULL: nobody we know. */
const struct key_type *key_type_find(struct bytes name);

/* -ENOTSUP: a type that we do not know. -EBADMSG: not well-formed as OpenSSH sees it; whether a
 * point lies on its curve, or a CA's signature is right, is not looked at. */
int public_key_parse(struct public_key *ret, struct bytes blob) MUST_CHECK;

/* As OpenSSH's sshkey_equal(): a certificate equals only itself. */
bool public_key_equal(const struct public_key *a, const struct public_key *b);

/* Whether two blobs hold the same key: as above for the types that we know, byte for byte for
 * others. A malformed blob equals none. */
bool key_blobs_equal(struct bytes a, struct bytes b);

/* The same, but a certificate is taken for the key in it. */
bool key_blobs_equal_plain(struct bytes a, struct bytes b);

/* Drops the leading zeros of a number (RFC 4251, mpint). false: negative or too large, which
 * OpenSSH refuses. */
bool key_number_trim(struct bytes *number);

/* Takes the next principal off *rest, which starts as certificate.principals. false: no more. */
bool certificate_principal(struct bytes *ret, struct bytes *rest);

/* Facts of a public key blob. The type of a known key is its usual name. A known key that is
 * malformed and a certificate of an unknown type have no fingerprint: unknown is not no. -EBADMSG
 * where it does not even begin with a type's name. */
int key_facts_of_blob(struct key_facts *ret, struct bytes blob) MUST_CHECK;

/* Reads a private key as an agent is given it (RFC 9987 section 5.2) off the cursor, and tells the
 * facts of its public half; nothing private is looked at or copied. -ENOTSUP: the key's type is
 * not known, *ret has no more than its name, and where the key ends cannot be told. -EBADMSG: cut
 * short. */
int key_facts_of_private(struct key_facts *ret, struct cursor *cursor) MUST_CHECK;

#endif
