#include "wire/sign_data.h"

#include <openssl/evp.h>

#include "wire/cstring.h"
#include "wire/key.h"

#define USERAUTH_REQUEST 50 /* RFC 4252 section 6, SSH_MSG_USERAUTH_REQUEST */
#define SSHSIG_MAGIC     "SSHSIG"

/* OpenSSH goes by the kind of key alone, so that "rsa-sha2-512" suits an RSA key, and any curve's
 * name any ECDSA key. Of a type that we do not know, the algorithm must have the type's name. */
static bool algorithm_suits(struct bytes algorithm, struct bytes key_blob) {
	const struct key_type *type = key_type_find(algorithm);
	struct cursor cursor = cursor_over(key_blob);
	struct public_key key;

	if (public_key_parse(&key, key_blob) == 0)
		return type != NULL && type->family == key.type->family &&
		       type->is_certificate == key.type->is_certificate;
	return type == NULL && bytes_equal(cursor_cstring(&cursor), algorithm);
}

/* A host key of a type that we have never heard of is one all the same, as it is for an OpenSSH
 * that has; a malformed one of a known type is none. */
static bool is_host_key(struct bytes blob) {
	return key_blobs_equal(blob, blob);
}

/* RFC 4252 section 7, PROTOCOL section 3.1; OpenSSH's parse_userauth_request(). */
static bool parse_login(struct ssh_login *login, struct bytes data, struct bytes key_blob) {
	struct cursor cursor = cursor_over(data);
	struct bytes service, method;
	uint8_t number, has_signature;

	login->session_id = cursor_string(&cursor);
	number = cursor_u8(&cursor);
	login->user = cursor_cstring(&cursor);
	service = cursor_cstring(&cursor);
	method = cursor_cstring(&cursor);
	has_signature = cursor_u8(&cursor);
	login->algorithm = cursor_cstring(&cursor);
	login->key_blob = cursor_string(&cursor);
	login->hostbound = bytes_equal_text(method, "publickey-hostbound-v00@openssh.com");
	if (login->hostbound)
		login->host_key = cursor_string(&cursor);

	return cursor_finish(&cursor) == 0 && login->session_id.len > 0 &&
	       number == USERAUTH_REQUEST && has_signature == 1 &&
	       bytes_equal_text(service, "ssh-connection") &&
	       (login->hostbound || bytes_equal_text(method, "publickey")) &&
	       key_blobs_equal_plain(login->key_blob, key_blob) &&
	       algorithm_suits(login->algorithm, login->key_blob) &&
	       (!login->hostbound || is_host_key(login->host_key));
}

/* PROTOCOL.sshsig, signed data; OpenSSH's parse_sshsig_request(). */
static bool parse_sshsig(struct sshsig *sshsig, struct bytes data) {
	struct cursor cursor = cursor_over(data);
	struct bytes magic = cursor_raw(&cursor, strlen(SSHSIG_MAGIC));

	sshsig->name_space = cursor_cstring(&cursor);
	cursor_string(&cursor); /* reserved */
	sshsig->hash_algorithm = cursor_cstring(&cursor);
	cursor_string(&cursor); /* hash of the message */
	return cursor_finish(&cursor) == 0 && bytes_equal_text(magic, SSHSIG_MAGIC);
}

static void put_sha256(char ret[static PAYLOAD_SHA256_SIZE], struct bytes data) {
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(data.data, data.len, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
		return;
	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 0xf];
	}
	ret[2 * len] = '\0';
}

void sign_data_parse(struct payload *ret, struct bytes data, struct bytes key_blob) {
	struct ssh_login login = {0};
	struct sshsig sshsig = {0};

	*ret = (struct payload){.len = data.len, .data = data};
	/* The two cannot be mistaken for one another: "SSHS" is no session id's length. */
	if (parse_login(&login, data, key_blob)) {
		ret->kind = PAYLOAD_SSH_LOGIN;
		ret->login = login;
	} else if (parse_sshsig(&sshsig, data)) {
		ret->kind = PAYLOAD_SSHSIG;
		ret->sshsig = sshsig;
	} else {
		put_sha256(ret->sha256, data);
	}
}
