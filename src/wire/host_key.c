#include "wire/host_key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include "base/cursor.h"
#include "wire/cstring.h"

#define ED25519_SIGNATURE_LEN 64
#define RSA_LEN_MAX           (16384 / 8) /* as the numbers of a key that parses */
#define ECDSA_NUMBER_LEN_MAX  66          /* nistp521 */
#define ECDSA_DER_LEN_MAX     (3 + 2 * (3 + ECDSA_NUMBER_LEN_MAX))

/* The destructors take NULL. */
#define FREE_BY(name, type, function)     \
	static void name(type **object) { \
		function(*object);        \
		*object = NULL;           \
	}

FREE_BY(free_pkey, EVP_PKEY, EVP_PKEY_free)
FREE_BY(free_pkey_context, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
FREE_BY(free_digest_context, EVP_MD_CTX, EVP_MD_CTX_free)
FREE_BY(free_builder, OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
FREE_BY(free_params, OSSL_PARAM, OSSL_PARAM_free)
FREE_BY(free_number, BIGNUM, BN_free)
FREE_BY(free_ecdsa, ECDSA_SIG, ECDSA_SIG_free)

/* NULL where libcrypto does not take the key: a point that is not on its curve, or no memory. */
static EVP_PKEY *pkey_from_params(const char *algorithm, OSSL_PARAM_BLD *builder) {
	CLEANUP(free_pkey_context)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	CLEANUP(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY *pkey = NULL;

	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

static EVP_PKEY *pkey_of_rsa(const struct public_key *key) {
	CLEANUP(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	CLEANUP(free_number)
	BIGNUM *e = BN_bin2bn(key->fields[0].data, (int)key->fields[0].len, NULL);
	CLEANUP(free_number)
	BIGNUM *n = BN_bin2bn(key->fields[1].data, (int)key->fields[1].len, NULL);

	if (builder == NULL || e == NULL || n == NULL || BN_num_bits(n) < RSA_BITS_MIN ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;
	return pkey_from_params("RSA", builder);
}

struct curve {
	const char *name;              /* in SSH */
	const char *group;             /* in libcrypto */
	const EVP_MD *(*digest)(void); /* RFC 5656 section 6.2.1 */
};

static const struct curve *curve_of(const struct public_key *key) {
	static const struct curve curves[] = {
		{"nistp256", "prime256v1", EVP_sha256},
		{"nistp384", "secp384r1", EVP_sha384},
		{"nistp521", "secp521r1", EVP_sha512},
	};

	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (strcmp(key->type->curve, curves[i].name) == 0)
			return &curves[i];
	return NULL;
}

static EVP_PKEY *pkey_of_ecdsa(const struct public_key *key) {
	CLEANUP(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	const struct curve *curve = curve_of(key);

	if (builder == NULL || curve == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
	            1 ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, key->fields[1].data,
	                                     key->fields[1].len) != 1)
		return NULL;
	return pkey_from_params("EC", builder);
}

static enum proof verify(EVP_PKEY *pkey, const EVP_MD *digest, struct bytes signature,
                         struct bytes data) {
	CLEANUP(free_digest_context) EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (pkey == NULL || context == NULL ||
	    EVP_DigestVerifyInit(context, NULL, digest, NULL, pkey) != 1 ||
	    EVP_DigestVerify(context, signature.data, signature.len, data.data, data.len) != 1)
		return PROOF_BAD;
	return PROOF_GOOD;
}

static enum proof verify_ed25519(const struct public_key *key, struct bytes signature,
                                 struct bytes data) {
	CLEANUP(free_pkey)
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->fields[0].data,
	                                             key->fields[0].len);

	if (signature.len != ED25519_SIGNATURE_LEN)
		return PROOF_BAD;
	return verify(pkey, NULL, signature, data);
}

/* The two numbers of RFC 5656 section 3.1.2, in the DER that libcrypto wants. */
static enum proof verify_ecdsa(const struct public_key *key, struct bytes signature,
                               struct bytes data) {
	struct cursor cursor = cursor_over(signature);
	struct bytes numbers[2];
	CLEANUP(free_ecdsa) ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r, *s;
	uint8_t der[ECDSA_DER_LEN_MAX];
	uint8_t *end = der;
	const struct curve *curve = curve_of(key);
	int len;

	numbers[0] = cursor_string(&cursor);
	numbers[1] = cursor_string(&cursor);
	if (cursor_finish(&cursor) < 0 || pair == NULL || curve == NULL)
		return PROOF_BAD;
	for (size_t i = 0; i < 2; i++)
		if (!key_number_trim(&numbers[i]) || numbers[i].len > ECDSA_NUMBER_LEN_MAX)
			return PROOF_BAD;
	r = BN_bin2bn(numbers[0].data, (int)numbers[0].len, NULL);
	s = BN_bin2bn(numbers[1].data, (int)numbers[1].len, NULL);
	if (r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return PROOF_BAD;
	}
	len = i2d_ECDSA_SIG(pair, NULL);
	if (len <= 0 || (size_t)len > sizeof(der) || i2d_ECDSA_SIG(pair, &end) != len)
		return PROOF_BAD;

	CLEANUP(free_pkey) EVP_PKEY *pkey = pkey_of_ecdsa(key);

	return verify(pkey, curve->digest(), (struct bytes){der, (size_t)len}, data);
}

static enum proof verify_rsa(const struct public_key *key, struct bytes name,
                             struct bytes signature, struct bytes data) {
	uint8_t padded[RSA_LEN_MAX] = {0};
	size_t len = key->fields[1].len;
	const EVP_MD *digest;

	if (len < RSA_BITS_MIN / 8 || signature.len > len)
		return PROOF_BAD;
	if (bytes_equal_text(name, "ssh-rsa"))
		return PROOF_UNVERIFIABLE; /* SHA-1, with which anybody can make two of a kind */
	if (bytes_equal_text(name, "rsa-sha2-256"))
		digest = EVP_sha256();
	else if (bytes_equal_text(name, "rsa-sha2-512"))
		digest = EVP_sha512();
	else
		return PROOF_BAD;
	/* Some signers drop leading zeros; libcrypto wants them. */
	if (signature.len > 0)
		memcpy(padded + len - signature.len, signature.data, signature.len);

	CLEANUP(free_pkey) EVP_PKEY *pkey = pkey_of_rsa(key);

	return verify(pkey, digest, (struct bytes){padded, len}, data);
}

/* PROTOCOL.u2f, "SSH U2F Signatures": the device signs a digest of its application, what the user
 * did, a counter, and a digest of the data. */
static enum proof verify_security_key(const struct public_key *key, struct bytes signature,
                                      struct bytes state, struct bytes data) {
	bool is_ecdsa = key->type->family == KEY_SK_ECDSA;
	struct bytes application = key->fields[is_ecdsa ? 2 : 1];
	uint8_t message[SHA256_DIGEST_LENGTH + 5 + SHA256_DIGEST_LENGTH];

	if (EVP_Digest(application.data, application.len, message, NULL, EVP_sha256(), NULL) != 1 ||
	    EVP_Digest(data.data, data.len, message + SHA256_DIGEST_LENGTH + 5, NULL, EVP_sha256(),
	               NULL) != 1)
		return PROOF_BAD;
	memcpy(message + SHA256_DIGEST_LENGTH, state.data, 5);
	return is_ecdsa ? verify_ecdsa(key, signature, BYTES(message))
	                : verify_ed25519(key, signature, BYTES(message));
}

enum proof host_key_verify(const struct public_key *key, struct bytes signature,
                           struct bytes data) {
	struct cursor cursor = cursor_over(signature);
	struct bytes name = cursor_cstring(&cursor);
	struct bytes body = cursor_string(&cursor);
	struct bytes state = {0};
	bool is_named = bytes_equal_text(name, key->type->plain);

	if (key->type->family == KEY_DSA)
		return PROOF_UNVERIFIABLE;
	if (key->type->family == KEY_SK_ECDSA && bytes_equal_text(name, "webauthn-sk-ecdsa-sha2-"
	                                                                "nistp256@openssh.com"))
		return PROOF_UNVERIFIABLE; /* signed by way of a browser; no host does */
	if (key->type->family == KEY_SK_ECDSA || key->type->family == KEY_SK_ED25519)
		state = cursor_raw(&cursor, 5); /* flags, counter */
	if (cursor_finish(&cursor) < 0)
		return PROOF_BAD;

	switch (key->type->family) {
	case KEY_ED25519: return is_named ? verify_ed25519(key, body, data) : PROOF_BAD;
	case KEY_ECDSA: return is_named ? verify_ecdsa(key, body, data) : PROOF_BAD;
	case KEY_RSA: return verify_rsa(key, name, body, data);
	case KEY_SK_ECDSA:
	case KEY_SK_ED25519:
		return is_named ? verify_security_key(key, body, state, data) : PROOF_BAD;
	case KEY_DSA: break;
	}
	return PROOF_UNVERIFIABLE;
}

enum proof certificate_verify(const struct public_key *certificate) {
	struct public_key ca;

	switch (public_key_parse(&ca, certificate->certificate.ca_key)) {
	case 0: break;
	case -ENOTSUP: return PROOF_UNVERIFIABLE;
	default: return PROOF_BAD;
	}
	if (ca.type->is_certificate)
		return PROOF_BAD;
	return host_key_verify(&ca, certificate->certificate.signature,
	                       certificate->certificate.signed_part);
}

const char *host_certificate_fault(const struct public_key *key, int64_t now_s) {
	const struct certificate *certificate = &key->certificate;

	if (!key->type->is_certificate)
		return "it is no certificate";
	if (certificate->type != CERTIFICATE_HOST)
		return "it is no host's certificate";
	if (now_s < 0 || (uint64_t)now_s < certificate->valid_after)
		return "it is not valid yet";
	if ((uint64_t)now_s >= certificate->valid_before)
		return "it has expired";
	if (certificate->n_principals == 0)
		return "it names no host";
	if (certificate->critical_options.len > 0)
		return "it has critical options, and none is known for hosts";

	switch (certificate_verify(key)) {
	case PROOF_GOOD: return NULL;
	case PROOF_UNVERIFIABLE: return "its CA's signature cannot be verified";
	case PROOF_BAD: return "its CA's signature is wrong";
	}
	return "it could not be checked";
}
