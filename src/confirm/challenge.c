#include "confirm/challenge.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/buffer.h"

static int sha256(uint8_t ret[static DIGEST_LEN], struct bytes bytes) {
	return EVP_Digest(bytes.data, bytes.len, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

int digest_hex(char ret[static DIGEST_HEX], struct bytes bytes) {
	uint8_t digest[DIGEST_LEN];
	int error = sha256(digest, bytes);

	if (error == 0)
		hex_put(ret, BYTES(digest));
	return error;
}

static void put_line(struct buffer *text, const char *word, const char *value) {
	buffer_put_raw(text, bytes_of_text(word));
	buffer_put_u8(text, ' ');
	buffer_put_raw(text, bytes_of_text(value));
	buffer_put_u8(text, '\n');
}

static int finish(uint8_t ret[static CHALLENGE_LEN], const struct buffer *text) {
	int error = buffer_error(text);

	return error < 0 ? error : sha256(ret, buffer_bytes(text));
}

int challenge_of_approval(uint8_t ret[static CHALLENGE_LEN], const char *nonce,
                          const char (*requests)[DIGEST_HEX], size_t n_requests) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	put_line(&text, "ssh-agent-guard approval", "1");
	put_line(&text, "nonce", nonce);
	for (size_t i = 0; i < n_requests; i++)
		put_line(&text, "request", requests[i]);
	return finish(ret, &text);
}

int challenge_of_change(uint8_t ret[static CHALLENGE_LEN], const char *nonce,
                        const char *old_digest, const char *new_digest) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	put_line(&text, "ssh-agent-guard change", "1");
	put_line(&text, "nonce", nonce);
	put_line(&text, "old", old_digest);
	put_line(&text, "new", new_digest);
	return finish(ret, &text);
}
