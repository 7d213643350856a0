/* One line of a known_hosts file taken apart, as OpenSSH's hostkeys_foreach() does. */
#ifndef WIRE_KNOWN_HOSTS_LINE_H
#define WIRE_KNOWN_HOSTS_LINE_H

#include "base/bytes.h"
#include "base/cleanup.h"
#include "wire/key.h"

#define KEY_DIGEST_LEN           32 /* SHA-256 */
#define HOST_HASH_LEN            20 /* SHA-1 */
#define SSH_PORT                 22
#define KNOWN_HOSTS_SCRATCH_SIZE (256 * 1024) /* of a key; no longer one fits into a message */

enum host_marker { HOST_MARKER_NONE, HOST_MARKER_CA, HOST_MARKER_REVOKED };

struct known_hosts_line {
	enum host_marker marker;
	struct bytes names; /* points into the line; empty where it is hashed */
	bool is_hashed;
	uint8_t hashed_name[2 * HOST_HASH_LEN]; /* salt and HMAC-SHA1 */
	uint8_t digest[KEY_DIGEST_LEN];
	bool is_unknown_type;
};

enum known_hosts_line_state {
	KNOWN_HOSTS_LINE_EMPTY, /* or a comment */
	KNOWN_HOSTS_LINE_MALFORMED,
	KNOWN_HOSTS_LINE_GOOD,
};

/* Takes the next line off *text. false: no more. */
bool known_hosts_line_next(struct bytes *ret, struct bytes *text);

/* scratch has room for KNOWN_HOSTS_SCRATCH_SIZE bytes. *ret is touched where the line is good. */
enum known_hosts_line_state known_hosts_line_read(struct known_hosts_line *ret, struct bytes text,
                                                  uint8_t *scratch);

/* The SHA-256 of the key's canonical plain form, which its fingerprint shows, too. facts may be
 * NULL. -EBADMSG: there is none, see key_facts_of_blob(). */
int key_digest(uint8_t ret[static KEY_DIGEST_LEN], struct key_facts *facts,
               struct bytes blob) MUST_CHECK;

#endif
