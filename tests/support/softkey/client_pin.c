#include "client_pin.h"

#include <fido/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "map.h"

enum { GET_RETRIES = 1, GET_KEY = 2, SET_PIN = 3, CHANGE_PIN = 4, GET_TOKEN = 5, GET_TOKEN_21 = 9 };

#define PADDED_PIN_LEN 64
#define PIN_HASH_LEN   16

/* What both sides have after they agreed. */
struct shared {
	uint64_t protocol;
	uint8_t aes[HASH_LEN], mac[HASH_LEN];
};

static void new_key(struct client_pin *pin) {
	EVP_PKEY_free(pin->key);
	pin->key = p256_new(pin->point, NULL);
	RAND_bytes(pin->token, sizeof(pin->token));
}

void client_pin_init(struct client_pin *pin, const char *text, bool ctap21) {
	*pin = (struct client_pin){.retries = PIN_RETRIES, .ctap21 = ctap21};
	if (text != NULL)
		strncpy(pin->pin, text, SOFTKEY_PIN_MAX);
	client_pin_power_up(pin);
}

void client_pin_deinit(struct client_pin *pin) {
	EVP_PKEY_free(pin->key);
	pin->key = NULL;
}

void client_pin_power_up(struct client_pin *pin) {
	pin->tries_at_once = PIN_TRIES_AT_ONCE;
	new_key(pin);
}

static bool agree(struct shared *ret, const struct client_pin *pin, uint64_t protocol,
                  const cbor_item_t *cose) {
	struct bytes x = map_bytes(cose, -2), y = map_bytes(cose, -3);
	uint8_t point[POINT_LEN], secret[HASH_LEN];

	if (x.len != HASH_LEN || y.len != HASH_LEN)
		return false;
	memcpy(point, x.data, HASH_LEN);
	memcpy(point + HASH_LEN, y.data, HASH_LEN);
	if (p256_agree(secret, pin->key, point) < 0)
		return false;
	ret->protocol = protocol;
	if (protocol == 1) {
		sha256(ret->aes, BYTES(secret));
		memcpy(ret->mac, ret->aes, HASH_LEN);
	} else {
		hkdf_sha256(ret->mac, BYTES(secret), "CTAP2 HMAC key");
		hkdf_sha256(ret->aes, BYTES(secret), "CTAP2 AES key");
	}
	return true;
}

static size_t iv_len(const struct shared *shared) {
	return shared->protocol == 1 ? 0 : 16;
}

static bool decrypt(uint8_t *ret, size_t len, const struct shared *shared, struct bytes data) {
	static const uint8_t zeros[16];
	size_t skipped = iv_len(shared);

	if (data.len != len + skipped)
		return false;
	aes_cbc(ret, shared->aes, skipped > 0 ? data.data : zeros,
	        (struct bytes){data.data + skipped, len}, false);
	return true;
}

static cbor_item_t *encrypted_token(const struct client_pin *pin, const struct shared *shared) {
	uint8_t out[16 + TOKEN_LEN] = {0};
	static const uint8_t zeros[16];
	size_t skipped = iv_len(shared);

	if (skipped > 0)
		RAND_bytes(out, 16);
	aes_cbc(out + skipped, shared->aes, skipped > 0 ? out : zeros, BYTES(pin->token), true);
	return cbor_build_bytestring(out, TOKEN_LEN + skipped);
}

static bool mac_is_right(struct bytes key, uint64_t protocol, struct bytes a, struct bytes b,
                         struct bytes parameter) {
	uint8_t mac[HASH_LEN];
	size_t len = protocol == 1 ? 16 : HASH_LEN;

	hmac_sha256(mac, key, a, b);
	return parameter.len == len && memcmp(mac, parameter.data, len) == 0;
}

bool client_pin_verifies(const struct client_pin *pin, uint64_t protocol, struct bytes hash,
                         struct bytes parameter) {
	return pin->pin[0] != '\0' && (protocol == 1 || (protocol == 2 && pin->ctap21)) &&
	       mac_is_right(BYTES(pin->token), protocol, hash, (struct bytes){0}, parameter);
}

static uint8_t check_hash(struct client_pin *pin, const struct shared *shared, struct bytes data) {
	uint8_t given[PIN_HASH_LEN], right[HASH_LEN];

	if (pin->pin[0] == '\0')
		return FIDO_ERR_PIN_NOT_SET;
	if (pin->retries == 0)
		return FIDO_ERR_PIN_BLOCKED;
	if (pin->tries_at_once == 0)
		return FIDO_ERR_PIN_AUTH_BLOCKED;
	if (!decrypt(given, sizeof(given), shared, data))
		return FIDO_ERR_INVALID_PARAMETER;
	sha256(right, bytes_of_text(pin->pin));
	pin->retries--;
	if (memcmp(given, right, sizeof(given)) != 0) {
		pin->tries_at_once--;
		new_key(pin);
		if (pin->retries == 0)
			return FIDO_ERR_PIN_BLOCKED;
		return pin->tries_at_once == 0 ? FIDO_ERR_PIN_AUTH_BLOCKED : FIDO_ERR_PIN_INVALID;
	}
	pin->retries = PIN_RETRIES;
	pin->tries_at_once = PIN_TRIES_AT_ONCE;
	return FIDO_OK;
}

static uint8_t take_new_pin(struct client_pin *pin, const struct shared *shared,
                            struct bytes data) {
	char padded[PADDED_PIN_LEN];

	if (!decrypt((uint8_t *)padded, sizeof(padded), shared, data))
		return FIDO_ERR_INVALID_PARAMETER;
	if (memchr(padded, 0, sizeof(padded)) == NULL || strlen(padded) < 4)
		return FIDO_ERR_PIN_POLICY_VIOLATION;
	strcpy(pin->pin, padded);
	return FIDO_OK;
}

static cbor_item_t *cose_key(const struct client_pin *pin) {
	cbor_item_t *key = cbor_new_definite_map(5);

	map_put(key, 1, cbor_build_uint8(2));
	map_put(key, 3, cbor_build_negint8(24)); /* ECDH-ES + HKDF-256: -25 */
	map_put(key, -1, cbor_build_uint8(1));
	map_put(key, -2, cbor_build_bytestring(pin->point, HASH_LEN));
	map_put(key, -3, cbor_build_bytestring(pin->point + HASH_LEN, HASH_LEN));
	return key;
}

static cbor_item_t *map_of(int key, cbor_item_t *value) {
	cbor_item_t *map = cbor_new_definite_map(1);

	map_put(map, key, value);
	return map;
}

static uint8_t with_shared(cbor_item_t **ret, struct client_pin *pin, const cbor_item_t *request,
                           uint64_t command, const struct shared *shared) {
	struct bytes parameter = map_bytes(request, 4), made = map_bytes(request, 5),
		     hash = map_bytes(request, 6);
	uint8_t status;

	switch (command) {
	case SET_PIN:
		if (pin->pin[0] != '\0' || !mac_is_right(BYTES(shared->mac), shared->protocol, made,
		                                         (struct bytes){0}, parameter))
			return FIDO_ERR_PIN_AUTH_INVALID;
		return take_new_pin(pin, shared, made);
	case CHANGE_PIN:
		if (!mac_is_right(BYTES(shared->mac), shared->protocol, made, hash, parameter))
			return FIDO_ERR_PIN_AUTH_INVALID;
		status = check_hash(pin, shared, hash);
		return status != FIDO_OK ? status : take_new_pin(pin, shared, made);
	case GET_TOKEN_21:
		if (!pin->ctap21)
			return FIDO_ERR_INVALID_PARAMETER;
		if (map_number(request, 9) == 0)
			return FIDO_ERR_MISSING_PARAMETER;
		break;
	case GET_TOKEN: break;
	default: return FIDO_ERR_INVALID_PARAMETER;
	}
	status = check_hash(pin, shared, hash);
	if (status == FIDO_OK)
		*ret = map_of(2, encrypted_token(pin, shared));
	return status;
}

uint8_t client_pin_command(cbor_item_t **ret, struct client_pin *pin, const cbor_item_t *request) {
	uint64_t protocol = map_number(request, 1), command = map_number(request, 2);
	struct shared shared;

	if (command == GET_RETRIES) {
		*ret = map_of(3, cbor_build_uint8((uint8_t)pin->retries));
		return FIDO_OK;
	}
	if (protocol != 1 && !(protocol == 2 && pin->ctap21))
		return FIDO_ERR_INVALID_PARAMETER;
	if (command == GET_KEY) {
		*ret = map_of(1, cose_key(pin));
		return FIDO_OK;
	}
	if (!agree(&shared, pin, protocol, map_at(request, 3)))
		return FIDO_ERR_INVALID_PARAMETER;
	return with_shared(ret, pin, request, command, &shared);
}
