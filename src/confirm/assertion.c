#include "confirm/assertion.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/cursor.h"

#define HASH_LEN      32
#define FLAG_PRESENT  0x01
#define FLAG_VERIFIED 0x04
#define FLAGS_MORE    0xc0 /* a credential or extensions follow: not in what we asked for */

static void free_pkey(EVP_PKEY **pkey) {
	EVP_PKEY_free(*pkey);
}

static void free_builder(OSSL_PARAM_BLD **builder) {
	OSSL_PARAM_BLD_free(*builder);
}

static void free_params(OSSL_PARAM **params) {
	OSSL_PARAM_free(*params);
}

static void free_context(EVP_PKEY_CTX **context) {
	EVP_PKEY_CTX_free(*context);
}

static void free_digest(EVP_MD_CTX **digest) {
	EVP_MD_CTX_free(*digest);
}

const char *assertion_fault_text(enum assertion_fault fault) {
	switch (fault) {
	case ASSERTION_GOOD: return "it is good";
	case ASSERTION_MALFORMED: return "it is no assertion that a security key makes";
	case ASSERTION_OTHER_PARTY: return "it was made for somebody else than this guard";
	case ASSERTION_BAD_SIGNATURE:
		return "it is not signed by the enrolled key for what was asked";
	case ASSERTION_NOT_TOUCHED: return "nobody touched the key for it";
	case ASSERTION_NOT_VERIFIED: return "the key did not check a PIN for it";
	case ASSERTION_COUNTER_BACK:
		return "the key's counter has not risen: there may be a copy of this key";
	}
	return "invalid";
}

/* NULL: they are no point of the curve. */
static EVP_PKEY *pkey_of(const uint8_t point[static POINT_LEN]) {
	CLEANUP(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	CLEANUP(free_params) OSSL_PARAM *params = NULL;
	CLEANUP(free_context)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t octets[1 + POINT_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
	EVP_PKEY *pkey = NULL;

	memcpy(octets + 1, point, POINT_LEN);
	if (builder == NULL || context == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
	            1 ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets,
	                                     sizeof(octets)) != 1)
		return NULL;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

bool point_is_valid(const uint8_t point[static POINT_LEN]) {
	CLEANUP(free_pkey) EVP_PKEY *pkey = pkey_of(point);

	return pkey != NULL;
}

static bool is_signed(const struct assertion *assertion, const struct assertion_demand *demand) {
	CLEANUP(free_pkey) EVP_PKEY *pkey = pkey_of(demand->point);
	CLEANUP(free_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t data[AUTH_DATA_LEN + CHALLENGE_LEN];

	memcpy(data, assertion->auth_data.data, AUTH_DATA_LEN);
	memcpy(data + AUTH_DATA_LEN, demand->challenge, CHALLENGE_LEN);
	return pkey != NULL && digest != NULL &&
	       EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	       EVP_DigestVerify(digest, assertion->signature.data, assertion->signature.len, data,
	                        sizeof(data)) == 1;
}

static bool is_our_party(struct bytes hash) {
	uint8_t ours[HASH_LEN];

	return EVP_Digest(TOUCH_PARTY, strlen(TOUCH_PARTY), ours, NULL, EVP_sha256(), NULL) == 1 &&
	       bytes_equal(hash, BYTES(ours));
}

enum assertion_fault assertion_check(uint32_t *ret_counter, const struct assertion *assertion,
                                     const struct assertion_demand *demand) {
	struct cursor cursor = cursor_over(assertion->auth_data);
	struct bytes party = cursor_raw(&cursor, HASH_LEN);
	uint8_t flags = cursor_u8(&cursor);
	uint32_t counter = cursor_u32(&cursor);

	if (cursor_finish(&cursor) < 0 || (flags & FLAGS_MORE) != 0 ||
	    assertion->signature.len == 0 || assertion->signature.len > SIGNATURE_LEN_MAX)
		return ASSERTION_MALFORMED;
	if (!is_our_party(party))
		return ASSERTION_OTHER_PARTY;
	/* Before what it says: only the key itself may be blamed for that. */
	if (!is_signed(assertion, demand))
		return ASSERTION_BAD_SIGNATURE;
	if ((flags & FLAG_PRESENT) == 0)
		return ASSERTION_NOT_TOUCHED;
	if (demand->verified && (flags & FLAG_VERIFIED) == 0)
		return ASSERTION_NOT_VERIFIED;
	/* Some keys have none, and say 0 for ever. */
	if (counter <= demand->counter && (counter != 0 || demand->counter != 0))
		return ASSERTION_COUNTER_BACK;
	*ret_counter = counter;
	return ASSERTION_GOOD;
}
