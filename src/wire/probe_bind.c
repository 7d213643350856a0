#include "wire/probe_bind.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "wire/message.h"

#define ED25519_LEN           32
#define ED25519_SIGNATURE_LEN 64
#define SESSION_ID_LEN        32

static void free_pkey(EVP_PKEY **pkey) {
	EVP_PKEY_free(*pkey);
	*pkey = NULL;
}

static void free_digest_context(EVP_MD_CTX **context) {
	EVP_MD_CTX_free(*context);
	*context = NULL;
}

static void put_tagged(struct buffer *buffer, struct bytes bytes) {
	CLEANUP(buffer_deinit) struct buffer tagged = {0};

	buffer_put_string(&tagged, bytes_of_text("ssh-ed25519"));
	buffer_put_string(&tagged, bytes);
	if (buffer_error(&tagged) < 0)
		buffer->error = buffer_error(&tagged);
	else
		buffer_put_string(buffer, buffer_bytes(&tagged));
}

int probe_bind_put(struct buffer *message, bool good) {
	CLEANUP(free_pkey) EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	CLEANUP(free_digest_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	CLEANUP(buffer_deinit) struct buffer body = {0};
	uint8_t key[ED25519_LEN], signature[ED25519_SIGNATURE_LEN], id[SESSION_ID_LEN];
	size_t key_len = sizeof(key), signature_len = sizeof(signature);

	if (pkey == NULL || context == NULL || RAND_bytes(id, sizeof(id)) != 1 ||
	    EVP_PKEY_get_raw_public_key(pkey, key, &key_len) != 1 ||
	    EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(context, signature, &signature_len, id, sizeof(id)) != 1)
		return -ENOTSUP;
	if (!good)
		id[0] ^= 1;
	buffer_put_u8(&body, AGENT_EXTENSION);
	buffer_put_string(&body, bytes_of_text("session-bind@openssh.com"));
	put_tagged(&body, BYTES(key));
	buffer_put_string(&body, BYTES(id));
	put_tagged(&body, BYTES(signature));
	buffer_put_u8(&body, 1); /* is_forwarding: further binds may follow */
	if (buffer_error(&body) < 0)
		return buffer_error(&body);
	buffer_put_string(message, buffer_bytes(&body));
	return buffer_error(message);
}
