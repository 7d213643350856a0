/* A security key's word that a person touched it for just this: kept in the event, so that anybody
 * who has the enrolled public key can check it later. Texts are hexadecimal. */
#ifndef FACTS_PROOF_H
#define FACTS_PROOF_H

#include <stddef.h>

#define PROOF_HASH_SIZE      (2 * 32 + 1)
#define PROOF_AUTH_DATA_SIZE (2 * 37 + 1)
#define PROOF_SIGNATURE_SIZE (2 * 80 + 1)
#define PROOF_KEY_SIZE       33
#define PROOF_REQUESTS_MAX   64 /* that one touch says yes to, as the broker has it */

struct touch_proof {
	unsigned references;
	char nonce[PROOF_HASH_SIZE];
	/* Of requests: what each of them says, or of a change: what was in force and what is. */
	char requests[PROOF_REQUESTS_MAX][PROOF_HASH_SIZE];
	size_t n_requests;
	char before[PROOF_HASH_SIZE], after[PROOF_HASH_SIZE]; /* "": it is of requests */
	char key[PROOF_KEY_SIZE];                             /* the key's name */
	char credential[PROOF_HASH_SIZE];                     /* SHA-256 of the credential's id */
	char auth_data[PROOF_AUTH_DATA_SIZE];
	char signature[PROOF_SIGNATURE_SIZE];
};

#endif
