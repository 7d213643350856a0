/* Any bytes as an event that tells a signed head, and as a signature: nobody who has no key makes a
 * good one. */
#include <stdint.h>
#include <stdlib.h>

#include "log/signed_head.h"
#include "wire/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct bytes bytes = {data, len};
	struct chain_link link;
	struct key_facts key;
	enum proof proof = PROOF_BAD;

	if (signed_head_read(&link, &key, &proof, bytes) == 0 && proof == PROOF_GOOD &&
	    (link.seq < 2 || key.fingerprint[0] == '\0'))
		abort();
	if (sshsig_verify(&key, bytes, SSHSIG_LOG_NAMESPACE, bytes) == PROOF_GOOD)
		abort(); /* it would have to sign itself */
	sshsig_is_for(bytes, SSHSIG_LOG_NAMESPACE);
	return 0;
}
