#include "wire/key_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "wire/base64.h"

static bool contains(struct bytes text, const char *what) {
	return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

/* What stands between the first line that begins so and the next one that begins with five dashes;
 * .data is NULL where there is none. */
static struct bytes armoured(struct bytes text, const char *begin) {
	const uint8_t *start = memmem(text.data, text.len, begin, strlen(begin));
	const uint8_t *end;
	size_t left;

	if (start == NULL)
		return (struct bytes){0};
	start += strlen(begin);
	left = text.len - (size_t)(start - text.data);
	end = memmem(start, left, "-----", strlen("-----"));
	return (struct bytes){start, end != NULL ? (size_t)(end - start) : left};
}

static bool is_security_key(struct bytes public_key) {
	struct cursor cursor = cursor_over(public_key);
	struct bytes type = cursor_string(&cursor);

	return type.len > 3 && memcmp(type.data, "sk-", 3) == 0;
}

/* PROTOCOL.key: the magic with its NUL, cipher, KDF, its options, the number of keys, a public key.
 */
static enum key_file look_at_blob(struct bytes blob) {
	static const char magic[] = "openssh-key-v1";
	struct cursor cursor = cursor_over(blob);
	struct bytes cipher;

	if (!bytes_equal(cursor_raw(&cursor, sizeof(magic)), BYTES(magic)))
		return KEY_FILE_PLAIN;
	cipher = cursor_string(&cursor);
	cursor_string(&cursor);
	cursor_string(&cursor);
	cursor_u32(&cursor);
	if (cipher.len > 0 && !bytes_equal_text(cipher, "none"))
		return KEY_FILE_ENCRYPTED;
	return is_security_key(cursor_string(&cursor)) ? KEY_FILE_ENCRYPTED : KEY_FILE_PLAIN;
}

static enum key_file look_at_openssh(struct bytes body) {
	size_t size = body.len + 1, len = 0;
	uint8_t *blob = malloc(size);
	enum key_file state = KEY_FILE_PLAIN;

	if (blob != NULL && base64_decode(blob, size, &len, body) == 0)
		state = look_at_blob((struct bytes){blob, len});
	if (blob != NULL)
		secret_wipe(blob, size);
	free(blob);
	return state;
}

enum key_file key_file_look(struct bytes text) {
	struct bytes openssh = armoured(text, "-----BEGIN OPENSSH PRIVATE KEY-----");

	if (openssh.data != NULL)
		return look_at_openssh(openssh);
	if (contains(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----"))
		return KEY_FILE_ENCRYPTED;
	if (contains(text, "PRIVATE KEY-----") && contains(text, "-----BEGIN "))
		return contains(text, "Proc-Type: 4,ENCRYPTED") ? KEY_FILE_ENCRYPTED
		                                                : KEY_FILE_PLAIN;
	if (contains(text, "PuTTY-User-Key-File-"))
		return contains(text, "\nEncryption: none") ? KEY_FILE_PLAIN : KEY_FILE_ENCRYPTED;
	return KEY_FILE_NONE;
}
