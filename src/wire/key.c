#include "wire/key.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/buffer.h"
#include "wire/cstring.h"

#define NUMBER_LEN_MAX (16384 / 8) /* as OpenSSH's SSHBUF_MAX_BIGNUM */
#define ED25519_LEN    32
#define CERT_SUFFIX    "-cert-v01@openssh.com"

#define RSA        "ssh-rsa"
#define RSA_CERT   "ssh-rsa" CERT_SUFFIX
#define DSA        "ssh-dss"
#define ED25519    "ssh-ed25519"
#define P256       "ecdsa-sha2-nistp256"
#define P384       "ecdsa-sha2-nistp384"
#define P521       "ecdsa-sha2-nistp521"
#define SK_P256    "sk-ecdsa-sha2-nistp256@openssh.com"
#define SK_ED25519 "sk-ssh-ed25519@openssh.com"

/* OpenSSH's keyimpls. The names of signature algorithms stand here, too, because OpenSSH takes a
 * blob that begins with one for a key of that type. */
static const struct key_type types[] = {
	{ED25519, ED25519, ED25519, NULL, KEY_ED25519, false},
	{RSA, RSA, RSA, NULL, KEY_RSA, false},
	{"rsa-sha2-256", RSA, RSA, NULL, KEY_RSA, false},
	{"rsa-sha2-512", RSA, RSA, NULL, KEY_RSA, false},
	{P256, P256, P256, "nistp256", KEY_ECDSA, false},
	{P384, P384, P384, "nistp384", KEY_ECDSA, false},
	{P521, P521, P521, "nistp521", KEY_ECDSA, false},
	{SK_ED25519, SK_ED25519, SK_ED25519, NULL, KEY_SK_ED25519, false},
	{SK_P256, SK_P256, SK_P256, "nistp256", KEY_SK_ECDSA, false},
	{"webauthn-" SK_P256, SK_P256, SK_P256, "nistp256", KEY_SK_ECDSA, false},
	{DSA, DSA, DSA, NULL, KEY_DSA, false},
	{ED25519 CERT_SUFFIX, ED25519 CERT_SUFFIX, ED25519, NULL, KEY_ED25519, true},
	{RSA_CERT, RSA_CERT, RSA, NULL, KEY_RSA, true},
	{"rsa-sha2-256" CERT_SUFFIX, RSA_CERT, RSA, NULL, KEY_RSA, true},
	{"rsa-sha2-512" CERT_SUFFIX, RSA_CERT, RSA, NULL, KEY_RSA, true},
	{P256 CERT_SUFFIX, P256 CERT_SUFFIX, P256, "nistp256", KEY_ECDSA, true},
	{P384 CERT_SUFFIX, P384 CERT_SUFFIX, P384, "nistp384", KEY_ECDSA, true},
	{P521 CERT_SUFFIX, P521 CERT_SUFFIX, P521, "nistp521", KEY_ECDSA, true},
	{"sk-ssh-ed25519" CERT_SUFFIX, "sk-ssh-ed25519" CERT_SUFFIX, SK_ED25519, NULL,
         KEY_SK_ED25519, true},
	{"sk-ecdsa-sha2-nistp256" CERT_SUFFIX, "sk-ecdsa-sha2-nistp256" CERT_SUFFIX, SK_P256,
         "nistp256", KEY_SK_ECDSA, true},
	{DSA CERT_SUFFIX, DSA CERT_SUFFIX, DSA, NULL, KEY_DSA, true},
};

enum field { FIELD_END, FIELD_NUMBER, FIELD_CURVE, FIELD_POINT, FIELD_ED25519, FIELD_TEXT };

/* What a public key of each family consists of. */
static const enum field layouts[][KEY_FIELDS_MAX + 1] = {
	[KEY_RSA] = {FIELD_NUMBER, FIELD_NUMBER},
	[KEY_DSA] = {FIELD_NUMBER, FIELD_NUMBER, FIELD_NUMBER, FIELD_NUMBER},
	[KEY_ECDSA] = {FIELD_CURVE, FIELD_POINT},
	[KEY_ED25519] = {FIELD_ED25519},
	[KEY_SK_ECDSA] = {FIELD_CURVE, FIELD_POINT, FIELD_TEXT},
	[KEY_SK_ED25519] = {FIELD_ED25519, FIELD_TEXT},
};

const struct key_type *key_type_find(struct bytes name) {
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (bytes_equal_text(name, types[i].name))
			return &types[i];
	return NULL;
}

bool key_number_trim(struct bytes *number) {
	if (number->len > 0 && (number->data[0] & 0x80) != 0)
		return false; /* negative */
	while (number->len > 0 && number->data[0] == 0) {
		number->data++;
		number->len--;
	}
	return number->len <= NUMBER_LEN_MAX;
}

static bool text_trim(struct bytes *text) {
	if (text->len > 0 && text->data[text->len - 1] == '\0')
		text->len--;
	return text->len == 0 || memchr(text->data, '\0', text->len) == NULL;
}

/* Only uncompressed points, as OpenSSH; so there is one way to write each. */
static bool point_fits(struct bytes point, const char *curve) {
	size_t len = 1 + 2 * (size_t)66; /* nistp521 */

	if (strcmp(curve, "nistp256") == 0)
		len = 1 + 2 * (size_t)32;
	else if (strcmp(curve, "nistp384") == 0)
		len = 1 + 2 * (size_t)48;
	return point.len == len && point.data[0] == 0x04;
}

/* Reads one field in its canonical form. false: it is there, but OpenSSH would refuse it. */
static bool field_read(struct bytes *ret, struct cursor *cursor, enum field field,
                       const struct key_type *type) {
	*ret = cursor_string(cursor);

	switch (field) {
	case FIELD_NUMBER: return key_number_trim(ret);
	case FIELD_CURVE: return text_trim(ret) && bytes_equal_text(*ret, type->curve);
	case FIELD_POINT: return point_fits(*ret, type->curve);
	case FIELD_ED25519: return ret->len == ED25519_LEN;
	case FIELD_TEXT: return text_trim(ret);
	case FIELD_END: break;
	}
	return false;
}

static bool fields_read(struct public_key *key, struct cursor *cursor) {
	const enum field *layout = layouts[key->type->family];
	bool good = true;

	for (size_t i = 0; layout[i] != FIELD_END; i++)
		good = field_read(&key->fields[i], cursor, layout[i], key->type) && good;
	return good;
}

bool certificate_principal(struct bytes *ret, struct bytes *rest) {
	struct cursor cursor = cursor_over(*rest);
	struct bytes principal = cursor_cstring(&cursor);

	if (rest->len == 0 || cursor_check(&cursor) < 0)
		return false;
	*rest = cursor.rest;
	*ret = principal;
	return true;
}

static bool principals_check(struct certificate *certificate) {
	struct bytes rest = certificate->principals;
	struct bytes principal;

	while (certificate->n_principals <= CERTIFICATE_PRINCIPALS_MAX &&
	       certificate_principal(&principal, &rest))
		certificate->n_principals++;
	return rest.len == 0 && certificate->n_principals <= CERTIFICATE_PRINCIPALS_MAX;
}

static bool options_check(struct bytes options) {
	struct cursor cursor = cursor_over(options);

	while (cursor.rest.len > 0) {
		cursor_string(&cursor); /* name */
		cursor_string(&cursor); /* value */
	}
	return cursor_finish(&cursor) == 0;
}

/* What follows the key in a certificate (PROTOCOL.certkeys), in OpenSSH's cert_parse(). */
static bool certificate_read(struct public_key *key, struct cursor *cursor) {
	struct certificate *certificate = &key->certificate;
	struct bytes extensions;

	certificate->serial = cursor_u64(cursor);
	certificate->type = cursor_u32(cursor);
	certificate->key_id = cursor_cstring(cursor);
	certificate->principals = cursor_string(cursor);
	certificate->valid_after = cursor_u64(cursor);
	certificate->valid_before = cursor_u64(cursor);
	certificate->critical_options = cursor_string(cursor);
	extensions = cursor_string(cursor);
	cursor_string(cursor); /* reserved */
	certificate->ca_key = cursor_string(cursor);
	if (cursor_check(cursor) < 0)
		return false;
	certificate->signed_part = (struct bytes){key->blob.data, key->blob.len - cursor->rest.len};
	certificate->signature = cursor_string(cursor);
	return (certificate->type == CERTIFICATE_USER || certificate->type == CERTIFICATE_HOST) &&
	       principals_check(certificate) && options_check(certificate->critical_options) &&
	       options_check(extensions);
}

int public_key_parse(struct public_key *ret, struct bytes blob) {
	struct public_key key = {.blob = blob};
	struct cursor cursor = cursor_over(blob);
	struct bytes name = cursor_cstring(&cursor);
	bool good;

	if (cursor_check(&cursor) < 0)
		return -EBADMSG;
	key.type = key_type_find(name);
	if (key.type == NULL)
		return -ENOTSUP;
	if (key.type->is_certificate)
		cursor_string(&cursor); /* nonce */
	good = fields_read(&key, &cursor);
	if (key.type->is_certificate)
		good = certificate_read(&key, &cursor) && good;
	if (!good || cursor_finish(&cursor) < 0)
		return -EBADMSG;
	*ret = key;
	return 0;
}

static bool plain_equal(const struct public_key *a, const struct public_key *b) {
	if (strcmp(a->type->plain, b->type->plain) != 0)
		return false;
	for (size_t i = 0; i < KEY_FIELDS_MAX; i++)
		if (!bytes_equal(a->fields[i], b->fields[i]))
			return false;
	return true;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b) {
	if (a->type->is_certificate || b->type->is_certificate)
		return bytes_equal(a->blob, b->blob);
	return plain_equal(a, b);
}

static bool blobs_equal(struct bytes a, struct bytes b,
                        bool (*equal)(const struct public_key *, const struct public_key *)) {
	struct public_key key_a, key_b;
	int error_a = public_key_parse(&key_a, a);
	int error_b = public_key_parse(&key_b, b);

	if (error_a == 0 && error_b == 0)
		return equal(&key_a, &key_b);
	return error_a == -ENOTSUP && error_b == -ENOTSUP && bytes_equal(a, b);
}

bool key_blobs_equal(struct bytes a, struct bytes b) {
	return blobs_equal(a, b, public_key_equal);
}

bool key_blobs_equal_plain(struct bytes a, struct bytes b) {
	return blobs_equal(a, b, plain_equal);
}

/* "SHA256:" and base64 without padding. Where libcrypto is out of memory it stays "", unknown. */
static void fingerprint_of(char ret[static KEY_FINGERPRINT_SIZE], struct bytes blob) {
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char base64[4 * ((32 + 2) / 3) + 1];

	if (EVP_Digest(blob.data, blob.len, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
		return;
	EVP_EncodeBlock((uint8_t *)base64, digest, (int)len);
	memcpy(ret, "SHA256:", 7);
	memcpy(ret + 7, base64, KEY_FINGERPRINT_SIZE - 1 - 7); /* without the one '=' */
	ret[KEY_FINGERPRINT_SIZE - 1] = '\0';
}

static void number_put(struct buffer *buffer, struct bytes number) {
	bool looks_negative = number.len > 0 && (number.data[0] & 0x80) != 0;

	buffer_put_u32(buffer, (uint32_t)(number.len + (looks_negative ? 1 : 0)));
	if (looks_negative)
		buffer_put_u8(buffer, 0);
	buffer_put_raw(buffer, number);
}

static void facts_of_key(struct key_facts *ret, const struct public_key *key) {
	CLEANUP(buffer_deinit) struct buffer plain = {0};
	const enum field *layout = layouts[key->type->family];

	buffer_put_string(&plain, bytes_of_text(key->type->plain));
	for (size_t i = 0; layout[i] != FIELD_END; i++) {
		if (layout[i] == FIELD_NUMBER)
			number_put(&plain, key->fields[i]);
		else
			buffer_put_string(&plain, key->fields[i]);
	}
	if (buffer_error(&plain) == 0)
		fingerprint_of(ret->fingerprint, buffer_bytes(&plain));
}

static void type_put(struct key_facts *facts, struct bytes name) {
	if (name.len >= KEY_TYPE_SIZE)
		return;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
			return;
	if (name.len > 0)
		memcpy(facts->type, name.data, name.len);
}

static bool ends_with(struct bytes name, const char *suffix) {
	size_t len = strlen(suffix);

	return name.len >= len && memcmp(name.data + name.len - len, suffix, len) == 0;
}

int key_facts_of_blob(struct key_facts *ret, struct bytes blob) {
	struct key_facts facts = {0};
	struct cursor cursor = cursor_over(blob);
	struct bytes name = cursor_cstring(&cursor);
	const struct key_type *type = key_type_find(name);
	struct public_key key;

	if (cursor_check(&cursor) < 0 || name.len == 0)
		return -EBADMSG;
	type_put(&facts, type != NULL ? bytes_of_text(type->usual) : name);
	if (type != NULL) {
		if (public_key_parse(&key, blob) == 0)
			facts_of_key(&facts, &key);
	} else if (facts.type[0] != '\0' && !ends_with(name, CERT_SUFFIX) &&
	           cursor.rest.len + 4 + name.len == blob.len) {
		/* Without a NUL behind the name, the blob is taken to be canonical as it is. */
		fingerprint_of(facts.fingerprint, blob);
	}
	*ret = facts;
	return 0;
}

static void skip_strings(struct cursor *cursor, size_t count) {
	for (size_t i = 0; i < count; i++)
		cursor_string(cursor);
}

/* What follows the public half, or the certificate, of a private key. */
static void skip_private(struct cursor *cursor, const struct key_type *type) {
	switch (type->family) {
	case KEY_RSA: skip_strings(cursor, 4); return; /* d, iqmp, p, q */
	case KEY_DSA: skip_strings(cursor, 1); return;
	case KEY_ECDSA: skip_strings(cursor, 1); return;
	case KEY_ED25519: skip_strings(cursor, type->is_certificate ? 2 : 1); return;
	case KEY_SK_ECDSA:
	case KEY_SK_ED25519:
		/* Behind a certificate the key, if Ed25519, and the application come again. */
		if (type->is_certificate)
			skip_strings(cursor, type->family == KEY_SK_ED25519 ? 2 : 1);
		cursor_u8(cursor);       /* flags */
		skip_strings(cursor, 2); /* key handle, reserved */
		return;
	}
}

static void swap(struct bytes *a, struct bytes *b) {
	struct bytes held = *a;

	*a = *b;
	*b = held;
}

int key_facts_of_private(struct key_facts *ret, struct cursor *cursor) {
	struct key_facts facts = {0};
	struct bytes name = cursor_cstring(cursor);
	struct public_key key = {.type = key_type_find(name)};
	bool known;

	if (cursor_check(cursor) < 0)
		return -EBADMSG;
	if (key.type == NULL) {
		type_put(&facts, name);
		*ret = facts;
		return -ENOTSUP;
	}
	if (key.type->is_certificate) {
		const struct key_type *outer = key.type;

		/* OpenSSH compares no more than this, and then goes by the certificate. */
		known = public_key_parse(&key, cursor_string(cursor)) == 0 &&
		        key.type->family == outer->family && key.type->is_certificate;
		if (!known)
			key.type = outer;
	} else {
		known = fields_read(&key, cursor);
		if (key.type->family == KEY_RSA) /* here n comes first */
			swap(&key.fields[0], &key.fields[1]);
	}
	skip_private(cursor, key.type);
	if (cursor_check(cursor) < 0)
		return -EBADMSG;
	type_put(&facts, bytes_of_text(key.type->usual));
	if (known)
		facts_of_key(&facts, &key);
	*ret = facts;
	return 0;
}
