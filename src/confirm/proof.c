#include "confirm/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(PROOF_HASH_SIZE == DIGEST_HEX && PROOF_HASH_SIZE == HEX_SIZE(TOUCH_NONCE_LEN) &&
                       PROOF_AUTH_DATA_SIZE == HEX_SIZE(AUTH_DATA_LEN) &&
                       PROOF_SIGNATURE_SIZE == HEX_SIZE(SIGNATURE_LEN_MAX) &&
                       PROOF_KEY_SIZE == KEY_NAME_LEN_MAX + 1,
               "facts know no other header, so the sizes stand there again");

int proof_new(struct touch_proof **ret) {
	uint8_t nonce[TOUCH_NONCE_LEN];
	struct touch_proof *proof;

	if (getentropy(nonce, sizeof(nonce)) < 0)
		return -EIO;
	proof = calloc(1, sizeof(*proof));
	if (proof == NULL)
		return -ENOMEM;
	proof->references = 1;
	hex_put(proof->nonce, BYTES(nonce));
	*ret = proof;
	return 0;
}

struct touch_proof *proof_ref(struct touch_proof *proof) {
	proof->references++;
	return proof;
}

void proof_unref(struct touch_proof *proof) {
	if (proof != NULL && --proof->references == 0)
		free(proof);
}

int proof_challenge(uint8_t ret[static CHALLENGE_LEN], const struct touch_proof *proof) {
	if (proof->before[0] != '\0')
		return challenge_of_change(ret, proof->nonce, proof->before, proof->after);
	return challenge_of_approval(ret, proof->nonce, proof->requests, proof->n_requests);
}

int proof_complete(struct touch_proof *proof, const struct enrolled_key *key,
                   const struct assertion *assertion) {
	if (assertion->auth_data.len != AUTH_DATA_LEN ||
	    assertion->signature.len > SIGNATURE_LEN_MAX)
		return -EINVAL;
	strcpy(proof->key, key->name);
	hex_put(proof->auth_data, assertion->auth_data);
	hex_put(proof->signature, assertion->signature);
	return digest_hex(proof->credential, (struct bytes){key->id, key->id_len});
}
