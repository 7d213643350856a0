/* A public key, as far as a decision needs it. */
#ifndef FACTS_KEY_H
#define FACTS_KEY_H

#define KEY_FINGERPRINT_SIZE sizeof("SHA256:0123456789012345678901234567890123456789012")
#define KEY_TYPE_SIZE        65 /* RFC 4251 section 6: an algorithm's name has at most 64 characters */

struct key_facts {
	/* SHA-256 of the plain key, as ssh-keygen -l prints it (a certificate's is that of its
	 * key);
	 * "" where the message names no key, or its key cannot be told (unknown private key type).
	 */
	char fingerprint[KEY_FINGERPRINT_SIZE];
	/* The name in the blob ("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"), printable
	 * ASCII;
	 * "" where unknown. */
	char type[KEY_TYPE_SIZE];
};

#endif
