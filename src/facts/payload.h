/* What a signature is to be over. Views point into the sign request. */
#ifndef FACTS_PAYLOAD_H
#define FACTS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define PAYLOAD_SHA256_SIZE (2 * 32 + 1) /* hex */

/* Zeroed memory is an unknown payload. */
enum payload_kind {
	PAYLOAD_UNKNOWN,   /* none of those below: a CA's signature, a token, a forged login */
	PAYLOAD_SSH_LOGIN, /* a user authentication, of RFC 4252 section 7 */
	PAYLOAD_SSHSIG,    /* ssh-keygen -Y sign, git: PROTOCOL.sshsig */
};

static inline const char *payload_kind_name(enum payload_kind kind) {
	switch (kind) {
	case PAYLOAD_UNKNOWN: return "unknown";
	case PAYLOAD_SSH_LOGIN: return "ssh-login";
	case PAYLOAD_SSHSIG: return "sshsig";
	}
	return "invalid";
}

/* Good for the user at any host that knows the session id, and, where hostbound, only at the one
 * that has host_key. */
struct ssh_login {
	struct bytes session_id; /* never empty */
	struct bytes user;       /* no NUL, but otherwise any bytes; NULL data: not known */
	bool hostbound;          /* publickey-hostbound-v00@openssh.com; else publickey */
	struct bytes algorithm;
	/* The key that was asked to sign, perhaps written another way, or as a certificate. */
	struct bytes key_blob;
	struct bytes host_key; /* blob, where hostbound; else empty */
};

struct sshsig {
	struct bytes name_space;     /* "git", "file" */
	struct bytes hash_algorithm; /* "sha256", "sha512" */
};

struct payload {
	enum payload_kind kind;
	size_t len;
	struct bytes data;      /* all of it */
	struct ssh_login login; /* PAYLOAD_SSH_LOGIN */
	struct sshsig sshsig;   /* PAYLOAD_SSHSIG */
	/* PAYLOAD_UNKNOWN: hex of the bytes' SHA-256, "" where it could not be had. */
	char sha256[PAYLOAD_SHA256_SIZE];
};

#endif
