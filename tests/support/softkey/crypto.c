#include "crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>

/* A test double whose computing fails is of no use to anybody. */
static void must(bool done) {
	if (!done) {
		fputs("softkey: libcrypto failed\n", stderr);
		abort();
	}
}

void sha256(uint8_t ret[static HASH_LEN], struct bytes data) {
	must(EVP_Digest(data.data, data.len, ret, NULL, EVP_sha256(), NULL) == 1);
}

void hmac_sha256(uint8_t ret[static HASH_LEN], struct bytes key, struct bytes a, struct bytes b) {
	uint8_t *all = malloc(a.len + b.len + 1);

	must(all != NULL);
	if (a.len > 0)
		memcpy(all, a.data, a.len);
	if (b.len > 0)
		memcpy(all + a.len, b.data, b.len);
	must(HMAC(EVP_sha256(), key.data, (int)key.len, all, a.len + b.len, ret, NULL) != NULL);
	free(all);
}

void hkdf_sha256(uint8_t ret[static HASH_LEN], struct bytes secret, const char *info) {
	static const uint8_t salt[HASH_LEN];
	uint8_t extracted[HASH_LEN];
	static const uint8_t one[] = {1};

	hmac_sha256(extracted, BYTES(salt), secret, (struct bytes){0});
	hmac_sha256(ret, BYTES(extracted), bytes_of_text(info), BYTES(one));
}

static EVP_PKEY *from_params(OSSL_PARAM_BLD *builder, int selection) {
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	must(params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1);
	if (EVP_PKEY_fromdata(context, &key, selection, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return key;
}

EVP_PKEY *p256_new(uint8_t ret_point[static POINT_LEN], const uint8_t *seed) {
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = EC_POINT_new(group);
	BIGNUM *number = BN_new(), *top = BN_dup(EC_GROUP_get0_order(group));
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BN_CTX *scratch = BN_CTX_new();
	uint8_t octets[1 + POINT_LEN];
	uint8_t random[HASH_LEN];
	EVP_PKEY *key;

	must(group != NULL && point != NULL && number != NULL && top != NULL && builder != NULL &&
	     scratch != NULL);
	if (seed == NULL) {
		must(RAND_bytes(random, sizeof(random)) == 1);
		seed = random;
	}
	/* From 1 to the order minus 1. */
	must(BN_sub_word(top, 1) == 1 && BN_bin2bn(seed, HASH_LEN, number) != NULL &&
	     BN_nnmod(number, number, top, scratch) == 1 && BN_add_word(number, 1) == 1);
	must(EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1 &&
	     EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets),
	                        NULL) == sizeof(octets));
	must(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
	                                     0) == 1 &&
	     OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets,
	                                      sizeof(octets)) == 1 &&
	     OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
	key = from_params(builder, EVP_PKEY_KEYPAIR);
	must(key != NULL);
	memcpy(ret_point, octets + 1, POINT_LEN);
	OSSL_PARAM_BLD_free(builder);
	BN_CTX_free(scratch);
	BN_free(number);
	BN_free(top);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return key;
}

int p256_agree(uint8_t ret[static HASH_LEN], EVP_PKEY *ours,
               const uint8_t theirs[static POINT_LEN]) {
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	uint8_t octets[1 + POINT_LEN] = {4};
	EVP_PKEY_CTX *context = NULL;
	size_t len = HASH_LEN;
	EVP_PKEY *key;
	bool done;

	must(builder != NULL);
	memcpy(octets + 1, theirs, POINT_LEN);
	must(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
	                                     0) == 1 &&
	     OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets,
	                                      sizeof(octets)) == 1);
	key = from_params(builder, EVP_PKEY_PUBLIC_KEY);
	context = EVP_PKEY_CTX_new(ours, NULL);
	must(context != NULL);
	done = key != NULL && EVP_PKEY_derive_init(context) == 1 &&
	       EVP_PKEY_derive_set_peer(context, key) == 1 &&
	       EVP_PKEY_derive(context, ret, &len) == 1 && len == HASH_LEN;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	OSSL_PARAM_BLD_free(builder);
	return done ? 0 : -1;
}

size_t p256_sign(uint8_t ret[static SIGNATURE_MAX], EVP_PKEY *key, struct bytes a, struct bytes b) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len = SIGNATURE_MAX;

	must(context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestSignUpdate(context, a.data, a.len) == 1 &&
	     EVP_DigestSignUpdate(context, b.data, b.len) == 1 &&
	     EVP_DigestSignFinal(context, ret, &len) == 1);
	EVP_MD_CTX_free(context);
	return len;
}

void aes_cbc(uint8_t *ret, const uint8_t key[static HASH_LEN], const uint8_t iv[static 16],
             struct bytes data, bool encrypt) {
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int len = 0, rest = 0;

	must(context != NULL &&
	     EVP_CipherInit_ex(context, EVP_aes_256_cbc(), NULL, key, iv, encrypt) == 1 &&
	     EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
	     EVP_CipherUpdate(context, ret, &len, data.data, (int)data.len) == 1 &&
	     EVP_CipherFinal_ex(context, ret + len, &rest) == 1 &&
	     (size_t)(len + rest) == data.len);
	EVP_CIPHER_CTX_free(context);
}
