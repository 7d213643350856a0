#include "wire/sshsig.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/key.h"
#include "wire/message.h"

#define MAGIC           "SSHSIG"
#define VERSION         1
#define HASH            "sha512"
#define FLAG_RSA_SHA512 4 /* RFC 9987 section 3.6.1 */

static struct bytes text(const char *word) {
	return bytes_of_text(word);
}

bool sshsig_is_for(struct bytes data, const char *name_space) {
	struct cursor cursor = cursor_over(data);
	struct bytes magic = cursor_raw(&cursor, strlen(MAGIC));
	struct bytes found = cursor_string(&cursor);

	return cursor_check(&cursor) == 0 && bytes_equal_text(magic, MAGIC) &&
	       bytes_equal_text(found, name_space);
}

static int put_data(struct buffer *data, const char *name_space, struct bytes hash_name,
                    const EVP_MD *hash, struct bytes message) {
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(message.data, message.len, digest, &len, hash, NULL) != 1)
		return -EIO;
	buffer_put_raw(data, text(MAGIC));
	buffer_put_string(data, text(name_space));
	buffer_put_string(data, text("")); /* reserved */
	buffer_put_string(data, hash_name);
	buffer_put_string(data, (struct bytes){digest, len});
	return buffer_error(data);
}

int sshsig_put_data(struct buffer *data, const char *name_space, struct bytes message) {
	return put_data(data, name_space, text(HASH), EVP_sha512(), message);
}

int sshsig_put_request(struct buffer *request, struct bytes key_blob, struct bytes data) {
	CLEANUP(buffer_deinit) struct buffer body = {0};
	struct public_key key;
	bool is_rsa = public_key_parse(&key, key_blob) == 0 && key.type->family == KEY_RSA;

	buffer_put_u8(&body, AGENT_SIGN_REQUEST);
	buffer_put_string(&body, key_blob);
	buffer_put_string(&body, data);
	buffer_put_u32(&body, is_rsa ? FLAG_RSA_SHA512 : 0);
	buffer_put_string(request, buffer_bytes(&body));
	return buffer_error(&body) < 0 ? buffer_error(&body) : buffer_error(request);
}

int sshsig_put(struct buffer *sshsig, struct bytes key_blob, const char *name_space,
               struct bytes signature) {
	buffer_put_raw(sshsig, text(MAGIC));
	buffer_put_u32(sshsig, VERSION);
	buffer_put_string(sshsig, key_blob);
	buffer_put_string(sshsig, text(name_space));
	buffer_put_string(sshsig, text("")); /* reserved */
	buffer_put_string(sshsig, text(HASH));
	buffer_put_string(sshsig, signature);
	return buffer_error(sshsig);
}

enum proof sshsig_verify(struct key_facts *ret_key, struct bytes sshsig, const char *name_space,
                         struct bytes message) {
	CLEANUP(buffer_deinit) struct buffer data = {0};
	struct cursor cursor = cursor_over(sshsig);
	struct bytes magic = cursor_raw(&cursor, strlen(MAGIC));
	uint32_t version = cursor_u32(&cursor);
	struct bytes key_blob = cursor_string(&cursor);
	struct bytes found = cursor_string(&cursor);
	struct bytes hash_name, signature;
	struct public_key key;
	const EVP_MD *hash;

	cursor_string(&cursor); /* reserved */
	hash_name = cursor_string(&cursor);
	signature = cursor_string(&cursor);
	hash = bytes_equal_text(hash_name, HASH) ? EVP_sha512() : EVP_sha256();
	if (cursor_finish(&cursor) < 0 || !bytes_equal_text(magic, MAGIC) || version != VERSION ||
	    !bytes_equal_text(found, name_space) ||
	    (!bytes_equal_text(hash_name, HASH) && !bytes_equal_text(hash_name, "sha256")))
		return PROOF_BAD;
	if (key_facts_of_blob(ret_key, key_blob) < 0 || public_key_parse(&key, key_blob) < 0)
		return PROOF_UNVERIFIABLE;
	if (key.type->is_certificate || put_data(&data, name_space, hash_name, hash, message) < 0)
		return PROOF_BAD;
	return host_key_verify(&key, signature, buffer_bytes(&data));
}
