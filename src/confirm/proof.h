/* Proofs are shared by the requests that one touch says yes to. */
#ifndef CONFIRM_PROOF_H
#define CONFIRM_PROOF_H

#include "confirm/assertion.h"
#include "confirm/challenge.h"
#include "confirm/enrolment.h"
#include "facts/proof.h"

/* Asks for nothing yet: it has a nonce, and all else is empty. */
int proof_new(struct touch_proof **ret) MUST_CHECK;
struct touch_proof *proof_ref(struct touch_proof *proof);
void proof_unref(struct touch_proof *proof); /* NULL is fine */

/* What the security key is to sign. */
int proof_challenge(uint8_t ret[static CHALLENGE_LEN], const struct touch_proof *proof) MUST_CHECK;
/* The assertion of that key has been found good. */
int proof_complete(struct touch_proof *proof, const struct enrolled_key *key,
                   const struct assertion *assertion) MUST_CHECK;

#endif
