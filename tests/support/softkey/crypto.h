/* What a security key computes, by libcrypto. */
#ifndef SOFTKEY_CRYPTO_H
#define SOFTKEY_CRYPTO_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define HASH_LEN      32
#define POINT_LEN     64 /* x and y */
#define SIGNATURE_MAX 80 /* DER of two numbers of 32 bytes */

void sha256(uint8_t ret[static HASH_LEN], struct bytes data);
/* Over both, one after the other. */
void hmac_sha256(uint8_t ret[static HASH_LEN], struct bytes key, struct bytes a, struct bytes b);
/* With a salt of zeros. */
void hkdf_sha256(uint8_t ret[static HASH_LEN], struct bytes secret, const char *info);

/* A key of P-256 whose number is made of these bytes; NULL: random. *ret_point is its public one.
 */
EVP_PKEY *p256_new(uint8_t ret_point[static POINT_LEN], const uint8_t *seed);
/* The x of their common point. */
int p256_agree(uint8_t ret[static HASH_LEN], EVP_PKEY *ours,
               const uint8_t theirs[static POINT_LEN]) MUST_CHECK;
size_t p256_sign(uint8_t ret[static SIGNATURE_MAX], EVP_PKEY *key, struct bytes a, struct bytes b);

/* AES-256-CBC without padding; len is a multiple of 16. */
void aes_cbc(uint8_t *ret, const uint8_t key[static HASH_LEN], const uint8_t iv[static 16],
             struct bytes data, bool encrypt);

#endif
