/*
 * What a touch says yes to: a text of lines, so that anybody can make it again by hand, and its
 * SHA-256 is what the security key signs. Pure.
 *
 *	ssh-agent-guard approval 1           ssh-agent-guard change 1
 *	nonce 64 HEX DIGITS                  nonce 64 HEX DIGITS
 *	request SHA-256 OF ITS STATEMENT     old SHA-256 OF WHAT WAS IN FORCE
 *	request ...                          new SHA-256 OF WHAT WILL BE
 *
 * The statement of a request is made of its event (log/statement.h). What changes is the keys that
 * are enrolled, the PIN's hash, the policy, or that panic ends.
 */
#ifndef CONFIRM_CHALLENGE_H
#define CONFIRM_CHALLENGE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/hex.h"
#include "confirm/assertion.h"

#define DIGEST_LEN      32
#define DIGEST_HEX      HEX_SIZE(DIGEST_LEN)
#define TOUCH_NONCE_LEN 32

/* What is in force, and what will be, where a touch ends panic. */
#define CHALLENGE_PANIC     "panic"
#define CHALLENGE_PANIC_OFF "panic off"

/* The SHA-256 of these bytes, in hex. -EIO: libcrypto fails. */
int digest_hex(char ret[static DIGEST_HEX], struct bytes bytes) MUST_CHECK;

/* nonce and digests are in hex. -ENOMEM, -EIO. */
int challenge_of_approval(uint8_t ret[static CHALLENGE_LEN], const char *nonce,
                          const char (*requests)[DIGEST_HEX], size_t n_requests) MUST_CHECK;
int challenge_of_change(uint8_t ret[static CHALLENGE_LEN], const char *nonce,
                        const char *old_digest, const char *new_digest) MUST_CHECK;

#endif
