/* Files of private keys, as far as it takes to see whether a passphrase protects them. */
#ifndef WIRE_KEY_FILE_H
#define WIRE_KEY_FILE_H

#include "base/bytes.h"

enum key_file {
	KEY_FILE_NONE,      /* no private key that we know of */
	KEY_FILE_ENCRYPTED, /* or in hardware: of no use to whoever reads it */
	KEY_FILE_PLAIN,     /* whoever reads it has the key */
};

/* Of OpenSSH's own format (PROTOCOL.key), of PEM (RFC 1421, RFC 5958) and of PuTTY's. What is
 * damaged counts as plain: it may be read by something else. */
enum key_file key_file_look(struct bytes text);

#endif
