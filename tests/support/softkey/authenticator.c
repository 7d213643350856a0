#include "authenticator.h"

#include <fido/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "map.h"

#define FLAG_PRESENT  0x01
#define FLAG_VERIFIED 0x04
#define FLAG_MADE     0x40
#define ID_LEN        (2 * HASH_LEN)
#define AUTH_DATA_LEN (HASH_LEN + 1 + 4)

static const uint8_t aaguid[16] = {0x50, 0xf7, 0x6b, 0xe7, 0x00, 1};

void authenticator_init(struct authenticator *authenticator,
                        const struct softkey_options *options) {
	*authenticator = (struct authenticator){.options = *options, .counter = options->counter};
	client_pin_init(&authenticator->pin, options->pin, options->ctap21);
}

void authenticator_deinit(struct authenticator *authenticator) {
	client_pin_deinit(&authenticator->pin);
}

/* ---- replies ---- */

static void fail(struct reply *reply, uint8_t status) {
	reply->bytes[0] = status;
	reply->len = 1;
}

/* Takes over the map, which may be NULL. */
static void succeed(struct reply *reply, cbor_item_t *map) {
	size_t len = map != NULL ? cbor_serialize(map, reply->bytes + 1, REPLY_MAX - 1) : 0;

	reply->bytes[0] = FIDO_OK;
	reply->len = 1 + len;
	if (map != NULL)
		cbor_decref(&map);
}

/* ---- credentials ---- */

static void tag_of(uint8_t ret[static HASH_LEN], const struct authenticator *authenticator,
                   const uint8_t id[static HASH_LEN]) {
	hmac_sha256(ret, BYTES(authenticator->options.secret), BYTES(authenticator->rp_hash),
	            (struct bytes){id, HASH_LEN});
}

static bool is_ours(const struct authenticator *authenticator, struct bytes id) {
	uint8_t tag[HASH_LEN];

	if (id.len != ID_LEN)
		return false;
	tag_of(tag, authenticator, id.data);
	return memcmp(tag, id.data + HASH_LEN, HASH_LEN) == 0;
}

static EVP_PKEY *key_of(uint8_t ret_point[static POINT_LEN],
                        const struct authenticator *authenticator) {
	uint8_t seed[HASH_LEN];

	hmac_sha256(seed, BYTES(authenticator->options.secret), bytes_of_text("key"),
	            BYTES(authenticator->id));
	return p256_new(ret_point, seed);
}

/* Finds ours in a list of descriptors. */
static bool find_id(struct authenticator *authenticator, const cbor_item_t *list) {
	for (size_t i = 0; list != NULL && cbor_isa_array(list) && i < cbor_array_size(list); i++) {
		const cbor_item_t *id = map_at_text(cbor_array_handle(list)[i], "id");
		struct bytes bytes;

		if (id == NULL || !cbor_isa_bytestring(id))
			continue;
		bytes = (struct bytes){cbor_bytestring_handle(id), cbor_bytestring_length(id)};
		if (is_ours(authenticator, bytes)) {
			memcpy(authenticator->id, bytes.data, ID_LEN);
			return true;
		}
	}
	return false;
}

static uint32_t count(struct authenticator *authenticator) {
	return authenticator->options.no_counter ? 0 : ++authenticator->counter;
}

static size_t auth_data(uint8_t *ret, struct authenticator *authenticator, uint8_t flags) {
	uint32_t counter = count(authenticator);

	if (authenticator->verified)
		flags |= FLAG_VERIFIED;
	memcpy(ret, authenticator->rp_hash, HASH_LEN);
	ret[HASH_LEN] = flags;
	for (int i = 0; i < 4; i++)
		ret[HASH_LEN + 1 + i] = (uint8_t)(counter >> (24 - 8 * i));
	return AUTH_DATA_LEN;
}

static size_t put_public(uint8_t *ret, const uint8_t point[static POINT_LEN]) {
	cbor_item_t *key = cbor_new_definite_map(5);
	size_t len;

	map_put(key, 1, cbor_build_uint8(2));
	map_put(key, 3, cbor_build_negint8(6)); /* ES256: -7 */
	map_put(key, -1, cbor_build_uint8(1));
	map_put(key, -2, cbor_build_bytestring(point, HASH_LEN));
	map_put(key, -3, cbor_build_bytestring(point + HASH_LEN, HASH_LEN));
	len = cbor_serialize(key, ret, 128);
	cbor_decref(&key);
	return len;
}

/* ---- what is told ---- */

static void get_info(const struct authenticator *authenticator, struct reply *reply) {
	bool new = authenticator->options.ctap21;
	cbor_item_t *map = cbor_new_definite_map(5), *versions = cbor_new_definite_array(2),
		    *options = cbor_new_definite_map(5), *protocols = cbor_new_definite_array(2);

	(void)!cbor_array_push(versions, cbor_move(cbor_build_string("FIDO_2_0")));
	if (new)
		(void)!cbor_array_push(versions, cbor_move(cbor_build_string("FIDO_2_1")));
	map_put_text(options, "rk", cbor_build_bool(false));
	map_put_text(options, "up", cbor_build_bool(true));
	map_put_text(options, "clientPin", cbor_build_bool(authenticator->pin.pin[0] != '\0'));
	if (new) {
		(void)!cbor_array_push(protocols, cbor_move(cbor_build_uint8(2)));
		map_put_text(options, "pinUvAuthToken", cbor_build_bool(true));
		map_put_text(options, "makeCredUvNotRqd", cbor_build_bool(true));
	}
	(void)!cbor_array_push(protocols, cbor_move(cbor_build_uint8(1)));
	map_put(map, 1, versions);
	map_put(map, 3, cbor_build_bytestring(aaguid, sizeof(aaguid)));
	map_put(map, 4, options);
	map_put(map, 5, cbor_build_uint16(REPLY_MAX));
	map_put(map, 6, protocols);
	succeed(reply, map);
}

/* ---- what takes a touch ---- */

static bool option_is(const cbor_item_t *options, const char *name, bool otherwise) {
	const cbor_item_t *option = map_at_text(options, name);

	return option != NULL && cbor_isa_float_ctrl(option) && cbor_is_bool(option)
	               ? cbor_get_bool(option)
	               : otherwise;
}

/* The party and the hash are there, and the PIN was given where it is asked for. */
static uint8_t begin(struct authenticator *authenticator, struct bytes rp, struct bytes hash,
                     struct bytes parameter, uint64_t protocol) {
	if (rp.data == NULL || hash.len != HASH_LEN)
		return FIDO_ERR_MISSING_PARAMETER;
	sha256(authenticator->rp_hash, rp);
	memcpy(authenticator->client_hash, hash.data, HASH_LEN);
	authenticator->verified = parameter.data != NULL;
	if (parameter.data != NULL &&
	    !client_pin_verifies(&authenticator->pin, protocol, hash, parameter))
		return FIDO_ERR_PIN_AUTH_INVALID;
	return FIDO_OK;
}

static uint8_t make(struct authenticator *authenticator, const cbor_item_t *map) {
	const cbor_item_t *id = map_at_text(map_at(map, 2), "id");
	struct bytes rp = {0};
	uint8_t status;

	if (id != NULL && cbor_isa_string(id))
		rp = (struct bytes){cbor_string_handle(id), cbor_string_length(id)};
	status = begin(authenticator, rp, map_bytes(map, 1), map_bytes(map, 8), map_number(map, 9));
	if (status != FIDO_OK)
		return status;
	if (option_is(map_at(map, 7), "rk", false))
		return FIDO_ERR_UNSUPPORTED_OPTION;
	/* As a key of CTAP 2.0: one that has a PIN wants it. */
	if (!authenticator->verified && authenticator->pin.pin[0] != '\0' &&
	    !authenticator->options.ctap21)
		return FIDO_ERR_PIN_REQUIRED;
	if (find_id(authenticator, map_at(map, 5)))
		return FIDO_ERR_CREDENTIAL_EXCLUDED;
	authenticator->waits = WAITS_TO_MAKE;
	return FIDO_OK;
}

static void get_done(struct authenticator *authenticator, bool touched, struct reply *reply);

static uint8_t get(struct authenticator *authenticator, const cbor_item_t *map,
                   struct reply *reply) {
	const cbor_item_t *options = map_at(map, 5);
	uint8_t status = begin(authenticator, map_text(map, 1), map_bytes(map, 2),
	                       map_bytes(map, 6), map_number(map, 7));

	if (status != FIDO_OK)
		return status;
	if (option_is(options, "uv", false))
		return FIDO_ERR_UNSUPPORTED_OPTION;
	if (!find_id(authenticator, map_at(map, 3)))
		return FIDO_ERR_NO_CREDENTIALS;
	if (option_is(options, "up", true))
		authenticator->waits = WAITS_TO_GET;
	else
		get_done(authenticator, false, reply);
	return FIDO_OK;
}

static void make_done(struct authenticator *authenticator, struct reply *reply) {
	uint8_t data[512], point[POINT_LEN], signature[SIGNATURE_MAX];
	cbor_item_t *map = cbor_new_definite_map(3), *statement = cbor_new_definite_map(2);
	EVP_PKEY *key;
	size_t len, signature_len;

	RAND_bytes(authenticator->id, HASH_LEN);
	tag_of(authenticator->id + HASH_LEN, authenticator, authenticator->id);
	key = key_of(point, authenticator);
	len = auth_data(data, authenticator, FLAG_PRESENT | FLAG_MADE);
	memcpy(data + len, aaguid, sizeof(aaguid));
	len += sizeof(aaguid);
	data[len++] = 0;
	data[len++] = ID_LEN;
	memcpy(data + len, authenticator->id, ID_LEN);
	len += ID_LEN;
	len += put_public(data + len, point);
	signature_len = p256_sign(signature, key, (struct bytes){data, len},
	                          BYTES(authenticator->client_hash));
	map_put_text(statement, "alg", cbor_build_negint8(6));
	map_put_text(statement, "sig", cbor_build_bytestring(signature, signature_len));
	map_put(map, 1, cbor_build_string("packed"));
	map_put(map, 2, cbor_build_bytestring(data, len));
	map_put(map, 3, statement);
	EVP_PKEY_free(key);
	succeed(reply, map);
}

static void lie_about(struct authenticator *authenticator, uint8_t *flags) {
	switch (authenticator->lie) {
	case LIE_NO_TOUCH: *flags = 0; break;
	case LIE_RP: sha256(authenticator->rp_hash, bytes_of_text("another party")); break;
	case LIE_HASH: RAND_bytes(authenticator->client_hash, HASH_LEN); break;
	case LIE_NONE:
	case LIE_REPLAY:
	case LIE_SELF:
	case LIE_GARBAGE:
	case LIE_BIG: break;
	}
}

/* An answer that is none; false: there is one to be made. */
static bool lie_whole(struct authenticator *authenticator, struct reply *reply) {
	static const uint8_t big[] = {FIDO_OK, 0xbb, 0xff, 0xff, 0xff,
	                              0xff,    0xff, 0xff, 0xff, 0xff};

	switch (authenticator->lie) {
	case LIE_REPLAY: *reply = authenticator->last; return reply->len > 0;
	case LIE_GARBAGE:
		RAND_bytes(reply->bytes, REPLY_MAX);
		reply->bytes[0] = FIDO_OK;
		reply->len = REPLY_MAX;
		return true;
	case LIE_BIG:
		memcpy(reply->bytes, big, sizeof(big));
		reply->len = sizeof(big);
		return true;
	case LIE_NONE:
	case LIE_SELF:
	case LIE_NO_TOUCH:
	case LIE_RP:
	case LIE_HASH: break;
	}
	return false;
}

static void get_done(struct authenticator *authenticator, bool touched, struct reply *reply) {
	uint8_t data[AUTH_DATA_LEN], point[POINT_LEN], signature[SIGNATURE_MAX];
	uint8_t flags = touched ? FLAG_PRESENT : 0;
	cbor_item_t *map, *descriptor;
	EVP_PKEY *key;
	size_t len;

	if (touched && lie_whole(authenticator, reply))
		return;
	key = touched && authenticator->lie == LIE_SELF ? p256_new(point, NULL)
	                                                : key_of(point, authenticator);
	if (touched)
		lie_about(authenticator, &flags);
	auth_data(data, authenticator, flags);
	len = p256_sign(signature, key, BYTES(data), BYTES(authenticator->client_hash));
	EVP_PKEY_free(key);
	map = cbor_new_definite_map(3);
	descriptor = cbor_new_definite_map(2);
	map_put_text(descriptor, "id", cbor_build_bytestring(authenticator->id, ID_LEN));
	map_put_text(descriptor, "type", cbor_build_string("public-key"));
	map_put(map, 1, descriptor);
	map_put(map, 2, cbor_build_bytestring(data, sizeof(data)));
	map_put(map, 3, cbor_build_bytestring(signature, len));
	succeed(reply, map);
	if (touched)
		authenticator->last = *reply;
}

/* ---- from first to last ---- */

bool authenticator_command(struct authenticator *authenticator, struct bytes message,
                           struct reply *reply) {
	struct cbor_load_result result;
	cbor_item_t *map = NULL, *answer = NULL;
	uint8_t status = FIDO_ERR_INVALID_COMMAND;

	reply->len = 0;
	authenticator->waits = WAITS_FOR_NOTHING;
	if (message.len == 0) {
		fail(reply, FIDO_ERR_INVALID_LENGTH);
		return true;
	}
	if (message.data[0] == 4) {
		get_info(authenticator, reply);
		return true;
	}
	map = cbor_load(message.data + 1, message.len - 1, &result);
	if (map == NULL || !cbor_isa_map(map)) {
		status = FIDO_ERR_INVALID_CBOR;
	} else if (message.data[0] == 1) {
		status = make(authenticator, map);
	} else if (message.data[0] == 2) {
		status = get(authenticator, map, reply);
	} else if (message.data[0] == 6) {
		status = client_pin_command(&answer, &authenticator->pin, map);
		if (status == FIDO_OK)
			succeed(reply, answer);
	}
	if (map != NULL)
		cbor_decref(&map);
	if (status != FIDO_OK)
		fail(reply, status);
	return authenticator->waits == WAITS_FOR_NOTHING;
}

void authenticator_touched(struct authenticator *authenticator, bool yes, struct reply *reply) {
	enum waits_for waited = authenticator->waits;

	authenticator->waits = WAITS_FOR_NOTHING;
	if (!yes) {
		fail(reply, FIDO_ERR_OPERATION_DENIED);
		return;
	}
	switch (waited) {
	case WAITS_FOR_NOTHING: fail(reply, FIDO_ERR_NO_OPERATION_PENDING); break;
	case WAITS_TO_MAKE: make_done(authenticator, reply); break;
	case WAITS_TO_GET: get_done(authenticator, true, reply); break;
	}
}
