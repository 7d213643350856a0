#include "log/signed_head.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "log/read.h"
#include "wire/base64.h"
#include "wire/sshsig.h"

#define SSHSIG_LEN_MAX (16 * 1024) /* of an RSA key with 16384 bits: 4.3 KB */

int signed_head_put_line(struct buffer *line, const struct chain_link *link) {
	char hash[CHAIN_HASH_HEX_SIZE], text[CHAIN_HASH_HEX_SIZE + 32];

	chain_hash_hex(hash, link->prev);
	snprintf(text, sizeof(text), "%" PRIu64 " %s\n", link->seq - 1, hash);
	buffer_put_raw(line, bytes_of_text(text));
	return buffer_error(line);
}

int signed_head_put_text(struct buffer *text, struct bytes sshsig) {
	uint8_t encoded[4 * (SSHSIG_LEN_MAX / 3 + 1) + 1];
	int len;

	if (sshsig.len > SSHSIG_LEN_MAX)
		return -EMSGSIZE;
	len = EVP_EncodeBlock(encoded, sshsig.data, (int)sshsig.len);
	buffer_put_raw(text, (struct bytes){encoded, (size_t)len});
	return buffer_error(text);
}

/* A field of plain text, with a NUL; "" where there is none. */
static void field_text(char *ret, size_t size, struct bytes document, const char *name) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct bytes field = event_field(document, name);

	ret[0] = '\0';
	if (field.len > 0 && field.data[0] != '"') {
		if (field.len < size) {
			memcpy(ret, field.data, field.len);
			ret[field.len] = '\0';
		}
		return;
	}
	if (field.len == 0 || event_text(&text, field) < 0 || text.len >= size)
		return;
	if (text.len > 0)
		memcpy(ret, text.data, text.len);
	ret[text.len] = '\0';
}

static enum proof verify(struct key_facts *ret_key, const struct chain_link *link,
                         struct bytes document) {
	CLEANUP(buffer_deinit) struct buffer line = {0};
	char encoded[4 * (SSHSIG_LEN_MAX / 3 + 1) + 1];
	uint8_t sshsig[SSHSIG_LEN_MAX];
	size_t len = 0;

	field_text(encoded, sizeof(encoded), document, "head_signature");
	if (signed_head_put_line(&line, link) < 0 ||
	    base64_decode(sshsig, sizeof(sshsig), &len, bytes_of_text(encoded)) < 0)
		return PROOF_BAD;
	return sshsig_verify(ret_key, (struct bytes){sshsig, len}, SSHSIG_LOG_NAMESPACE,
	                     buffer_bytes(&line));
}

int signed_head_read(struct chain_link *ret, struct key_facts *ret_key, enum proof *ret_proof,
                     struct bytes document) {
	char seq[32], hash[CHAIN_HASH_HEX_SIZE];
	struct chain_link link = {0};
	struct key_facts key = {0};

	if (!bytes_equal_text(event_field(document, "trigger"), "\"" SIGNED_HEAD_TRIGGER "\""))
		return -ENOENT;
	field_text(seq, sizeof(seq), document, "head_seq");
	field_text(hash, sizeof(hash), document, "head_hash");
	*ret_proof = PROOF_BAD;
	if (chain_link_after(&link, seq, hash) == 0)
		*ret_proof = verify(&key, &link, document);
	*ret = link;
	*ret_key = key;
	return 0;
}
