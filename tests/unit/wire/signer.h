/* Hosts and CAs whose private keys the test holds: they sign whatever it likes, right or wrong. */
#ifndef TESTS_UNIT_WIRE_SIGNER_H
#define TESTS_UNIT_WIRE_SIGNER_H

#include "unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

struct signer {
	EVP_PKEY *pkey;
	const char *name;      /* of the key's type */
	const char *signature; /* of the signature's algorithm */
	const EVP_MD *digest;
	const char *application; /* of a security key; else NULL */
	struct buffer blob;
};

static inline void signer_deinit(struct signer *signer) {
	EVP_PKEY_free(signer->pkey);
	buffer_deinit(&signer->blob);
}

static inline void put_text(struct buffer *buffer, const char *text) {
	buffer_put_string(buffer, bytes_of_text(text));
}

static inline void put_number(struct buffer *buffer, const BIGNUM *number) {
	uint8_t raw[1 + 16384 / 8] = {0};
	int len = BN_bn2bin(number, raw + 1);
	bool high = len > 0 && raw[1] >= 0x80;

	buffer_put_string(buffer, (struct bytes){raw + !high, (size_t)len + high});
}

/* The fields of the public key between its type and, of a security key, its application. */
static inline void put_fields(struct buffer *buffer, const struct signer *signer) {
	uint8_t raw[256];
	size_t len = sizeof(raw);

	if (EVP_PKEY_is_a(signer->pkey, "RSA")) {
		BIGNUM *n = NULL, *e = NULL;

		assert_int_equal(EVP_PKEY_get_bn_param(signer->pkey, OSSL_PKEY_PARAM_RSA_E, &e), 1);
		assert_int_equal(EVP_PKEY_get_bn_param(signer->pkey, OSSL_PKEY_PARAM_RSA_N, &n), 1);
		put_number(buffer, e);
		put_number(buffer, n);
		BN_free(n);
		BN_free(e);
	} else if (EVP_PKEY_is_a(signer->pkey, "ED25519")) {
		assert_int_equal(EVP_PKEY_get_raw_public_key(signer->pkey, raw, &len), 1);
		buffer_put_string(buffer, (struct bytes){raw, len});
	} else {
		const char *curve = strstr(signer->name, "nistp");

		assert_int_equal(EVP_PKEY_get_octet_string_param(signer->pkey,
		                                                 OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
		                                                 raw, sizeof(raw), &len),
		                 1);
		buffer_put_string(buffer, (struct bytes){(const uint8_t *)curve, 8});
		buffer_put_string(buffer, (struct bytes){raw, len});
	}
	if (signer->application != NULL)
		put_text(buffer, signer->application);
}

static inline struct signer signer_of(EVP_PKEY *pkey, const char *name, const char *signature,
                                      const EVP_MD *digest, const char *application) {
	struct signer signer = {pkey, name, signature, digest, application, {0}};

	assert_non_null(pkey);
	put_text(&signer.blob, name);
	put_fields(&signer.blob, &signer);
	return signer;
}

static inline struct signer signer_ed25519(void) {
	return signer_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "ssh-ed25519", "ssh-ed25519",
	                 NULL, NULL);
}

static inline struct signer signer_rsa(size_t bits, const char *signature) {
	return signer_of(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits), "ssh-rsa", signature,
	                 strcmp(signature, "rsa-sha2-256") == 0   ? EVP_sha256()
	                 : strcmp(signature, "rsa-sha2-512") == 0 ? EVP_sha512()
	                                                          : EVP_sha1(),
	                 NULL);
}

static inline struct signer signer_ecdsa(int bits) {
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
	                                   bits == 256   ? "P-256"
	                                   : bits == 384 ? "P-384"
	                                                 : "P-521");
	const char *name = bits == 256   ? "ecdsa-sha2-nistp256"
	                   : bits == 384 ? "ecdsa-sha2-nistp384"
	                                 : "ecdsa-sha2-nistp521";

	return signer_of(pkey, name, name,
	                 bits == 256   ? EVP_sha256()
	                 : bits == 384 ? EVP_sha384()
	                               : EVP_sha512(),
	                 NULL);
}

static inline struct signer signer_sk_ed25519(void) {
	return signer_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "sk-ssh-ed25519@openssh.com",
	                 "sk-ssh-ed25519@openssh.com", NULL, "ssh:");
}

static inline struct signer signer_sk_ecdsa(void) {
	return signer_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"),
	                 "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	                 EVP_sha256(), "ssh:");
}

static inline void put_ecdsa_numbers(struct buffer *buffer, struct bytes der) {
	CLEANUP(buffer_deinit) struct buffer numbers = {0};
	const uint8_t *at = der.data;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der.len);

	assert_non_null(pair);
	put_number(&numbers, ECDSA_SIG_get0_r(pair));
	put_number(&numbers, ECDSA_SIG_get0_s(pair));
	ECDSA_SIG_free(pair);
	buffer_put_string(buffer, buffer_bytes(&numbers));
}

/* Appends the signature (RFC 4253 section 6.6), without a length before it. */
static inline void signer_sign(struct buffer *ret, const struct signer *signer, struct bytes data) {
	const uint8_t state[5] = {1, 0, 0, 0, 7}; /* touched, and used seven times */
	uint8_t message[32 + sizeof(state) + 32];
	uint8_t raw[16384 / 8];
	size_t len = sizeof(raw);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (signer->application != NULL) {
		EVP_Digest(signer->application, strlen(signer->application), message, NULL,
		           EVP_sha256(), NULL);
		memcpy(message + 32, state, sizeof(state));
		EVP_Digest(data.data, data.len, message + 32 + sizeof(state), NULL, EVP_sha256(),
		           NULL);
		data = BYTES(message);
	}
	assert_int_equal(EVP_DigestSignInit(context, NULL, signer->digest, NULL, signer->pkey), 1);
	assert_int_equal(EVP_DigestSign(context, raw, &len, data.data, data.len), 1);
	EVP_MD_CTX_free(context);
	put_text(ret, signer->signature);
	if (EVP_PKEY_is_a(signer->pkey, "EC"))
		put_ecdsa_numbers(ret, (struct bytes){raw, len});
	else
		buffer_put_string(ret, (struct bytes){raw, len});
	if (signer->application != NULL)
		buffer_put_raw(ret, BYTES(state));
}

/* Appends a host certificate for "host.example", which the CA signs; valid from 1000 to 2000. */
static inline void signer_certify(struct buffer *ret, const struct signer *host,
                                  const struct signer *ca, uint32_t type, const char *principal,
                                  const char *critical) {
	CLEANUP(buffer_deinit) struct buffer body = {0};
	CLEANUP(buffer_deinit) struct buffer list = {0};
	CLEANUP(buffer_deinit) struct buffer options = {0};
	CLEANUP(buffer_deinit) struct buffer signature = {0};
	char name[64];

	snprintf(name, sizeof(name), "%s-cert-v01@openssh.com", host->name);
	put_text(&body, name);
	put_text(&body, "nonce");
	put_fields(&body, host);
	buffer_put_u64(&body, 7);
	buffer_put_u32(&body, type);
	put_text(&body, "id");
	if (principal != NULL)
		put_text(&list, principal);
	buffer_put_string(&body, buffer_bytes(&list));
	buffer_put_u64(&body, 1000);
	buffer_put_u64(&body, 2000);
	if (critical != NULL) {
		put_text(&options, critical);
		put_text(&options, "");
	}
	buffer_put_string(&body, buffer_bytes(&options));
	put_text(&body, ""); /* extensions */
	put_text(&body, ""); /* reserved */
	buffer_put_string(&body, buffer_bytes(&ca->blob));
	signer_sign(&signature, ca, buffer_bytes(&body));
	buffer_put_string(&body, buffer_bytes(&signature));
	buffer_put_raw(ret, buffer_bytes(&body));
}

#endif
