#include "confirm/otp_slots.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/words.h"

#define LINE_SIZE (KEY_NAME_LEN_MAX + 128 + HEX_SIZE(OTP_CHALLENGE_MAX) + DIGEST_HEX)

static const char first_line[] = "version 1\n";
static const char *const kinds[] = {"touch", "pin"};

/* ---- the file ---- */

static bool read_kind(enum otp_kind *ret, struct bytes word) {
	for (size_t i = 0; i < OTP_KIND_COUNT; i++)
		if (bytes_equal_text(word, kinds[i])) {
			*ret = (enum otp_kind)i;
			return true;
		}
	return false;
}

static bool read_digest(char ret[static DIGEST_HEX], struct bytes word) {
	uint8_t digest[DIGEST_LEN];
	size_t len = 0;

	if (hex_read(digest, sizeof(digest), &len, word) < 0 || len != sizeof(digest))
		return false;
	hex_put(ret, BYTES(digest));
	return bytes_equal_text(word, ret);
}

static bool read_slot(struct otp_slot *slot, struct bytes line) {
	bool bad = false;
	struct bytes name = words_take(&line, ' ', &bad);
	struct bytes kind = words_take(&line, ' ', &bad);
	struct bytes serial = words_take(&line, ' ', &bad);
	struct bytes number = words_take(&line, ' ', &bad);
	struct bytes form = words_take(&line, ' ', &bad);
	struct bytes added = words_take(&line, ' ', &bad);
	struct bytes challenge = words_take(&line, ' ', &bad);

	if (bad || name.len > KEY_NAME_LEN_MAX || memchr(name.data, 0, name.len) != NULL)
		return false;
	memcpy(slot->name, name.data, name.len);
	slot->serial = (uint32_t)words_number(serial, UINT32_MAX, &bad);
	slot->slot = (uint8_t)words_number(number, 2, &bad);
	slot->is_older = bytes_equal_text(form, "older");
	slot->added_us = (int64_t)words_number(added, INT64_MAX, &bad);
	return !bad && key_name_is_fit(slot->name) && read_kind(&slot->kind, kind) &&
	       slot->slot > 0 && (slot->is_older || bytes_equal_text(form, "rolled")) &&
	       hex_read(slot->challenge, sizeof(slot->challenge), &slot->challenge_len,
	                challenge) == 0 &&
	       slot->challenge_len > 0 && read_digest(slot->digest, line);
}

static bool read_line(struct otp_slots *slots, struct bytes line, bool is_first) {
	bool bad = false;
	struct bytes word = words_take(&line, ' ', &bad);
	struct otp_slot slot = {0};

	if (is_first) {
		struct bytes failures = words_take(&line, ' ', &bad);

		slots->tries.failures = (unsigned)words_number(failures, 1000000, &bad);
		slots->tries.locked_until_us = (int64_t)words_number(line, INT64_MAX, &bad);
		return !bad && bytes_equal_text(word, "tries");
	}
	return !bad && bytes_equal_text(word, "slot") && read_slot(&slot, line) &&
	       otp_slots_add(slots, &slot) == 0;
}

int otp_slots_parse(struct otp_slots *ret, struct bytes text) {
	struct otp_slots read = {0};
	bool bad = text.len > OTP_LEN_MAX || text.len < strlen(first_line) ||
	           memcmp(text.data, first_line, strlen(first_line)) != 0;
	bool is_first = true;

	if (bad)
		return -EBADMSG;
	text.data += strlen(first_line);
	text.len -= strlen(first_line);
	do {
		struct bytes line = words_take(&text, '\n', &bad);

		if (bad || !read_line(&read, line, is_first))
			return -EBADMSG;
		is_first = false;
	} while (text.len > 0);
	*ret = read;
	return 0;
}

static void put_slots(struct buffer *text, const struct otp_slots *slots, bool with_use) {
	char line[LINE_SIZE];

	buffer_put_raw(text, bytes_of_text(first_line));
	snprintf(line, sizeof(line), "tries %u %" PRId64 "\n", with_use ? slots->tries.failures : 0,
	         with_use ? slots->tries.locked_until_us : 0);
	buffer_put_raw(text, bytes_of_text(line));
	for (size_t i = 0; i < slots->count; i++) {
		const struct otp_slot *slot = &slots->slots[i];
		char challenge[HEX_SIZE(OTP_CHALLENGE_MAX)];

		hex_put(challenge, (struct bytes){slot->challenge, slot->challenge_len});
		if (with_use)
			snprintf(line, sizeof(line),
			         "slot %s %s %" PRIu32 " %u %s %" PRId64 " %s %s\n", slot->name,
			         kinds[slot->kind], slot->serial, slot->slot,
			         slot->is_older ? "older" : "rolled", slot->added_us, challenge,
			         slot->digest);
		else
			snprintf(line, sizeof(line), "slot %s %s %u %" PRId64 "\n", slot->name,
			         kinds[slot->kind], slot->slot, slot->added_us);
		buffer_put_raw(text, bytes_of_text(line));
	}
}

void otp_slots_put(struct buffer *text, const struct otp_slots *slots) {
	put_slots(text, slots, true);
}

int otp_slots_load(struct otp_slots *ret, int state_fd) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct stat status;
	int error = file_read_own(&text, state_fd, OTP_FILE, OTP_LEN_MAX, &status);

	if (error == 0 && (status.st_mode & 077) != 0)
		error = -EACCES;
	return error < 0 ? error : otp_slots_parse(ret, buffer_bytes(&text));
}

/* ---- the slots ---- */

const struct otp_slot *otp_slots_named(const struct otp_slots *slots, const char *name) {
	for (size_t i = 0; i < slots->count; i++)
		if (strcmp(slots->slots[i].name, name) == 0)
			return &slots->slots[i];
	return NULL;
}

int otp_slots_add(struct otp_slots *slots, const struct otp_slot *slot) {
	if (otp_slots_named(slots, slot->name) != NULL)
		return -EEXIST;
	for (size_t i = 0; i < slots->count; i++)
		if (slot->serial != 0 && slots->slots[i].serial == slot->serial &&
		    slots->slots[i].slot == slot->slot)
			return -EEXIST;
	if (slots->count == OTP_SLOTS_MAX)
		return -ENOSPC;
	slots->slots[slots->count++] = *slot;
	return 0;
}

void otp_slots_remove(struct otp_slots *slots, const char *name) {
	for (size_t i = 0; i < slots->count; i++) {
		if (strcmp(slots->slots[i].name, name) != 0)
			continue;
		memmove(&slots->slots[i], &slots->slots[i + 1],
		        (slots->count - i - 1) * sizeof(slots->slots[0]));
		slots->count--;
		return;
	}
}

bool otp_slots_has(const struct otp_slots *slots, enum otp_kind kind) {
	for (size_t i = 0; i < slots->count; i++)
		if (slots->slots[i].kind == kind)
			return true;
	return false;
}

bool otp_slots_same(const struct otp_slots *a, const struct otp_slots *b) {
	CLEANUP(buffer_deinit) struct buffer first = {0};
	CLEANUP(buffer_deinit) struct buffer second = {0};

	otp_slots_put(&first, a);
	otp_slots_put(&second, b);
	return buffer_error(&first) == 0 && buffer_error(&second) == 0 &&
	       bytes_equal(buffer_bytes(&first), buffer_bytes(&second));
}

int otp_slots_digest(char ret[static DIGEST_HEX], const struct otp_slots *slots) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error;

	put_slots(&text, slots, false);
	error = buffer_error(&text);
	return error < 0 ? error : digest_hex(ret, buffer_bytes(&text));
}

/* ---- answers ---- */

/* The answer has as many bits as its hash can keep, so nobody finds it by trying. */
static int digest_of(char ret[static DIGEST_HEX], struct bytes challenge, struct bytes answer) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error;

	buffer_put_raw(&text, bytes_of_text("ssh-agent-guard otp 1\n"));
	buffer_put_string(&text, challenge);
	buffer_put_string(&text, answer);
	error = buffer_error(&text);
	return error < 0 ? error : digest_hex(ret, buffer_bytes(&text));
}

int otp_slot_expect(struct otp_slot *slot, struct bytes challenge, struct bytes answer) {
	int error;

	if (challenge.len == 0 || challenge.len > sizeof(slot->challenge) ||
	    answer.len != OTP_ANSWER_LEN)
		return -EINVAL;
	error = digest_of(slot->digest, challenge, answer);
	if (error < 0)
		return error;
	memcpy(slot->challenge, challenge.data, challenge.len);
	slot->challenge_len = challenge.len;
	return 0;
}

bool otp_slot_accepts(const struct otp_slot *slot, struct bytes answer) {
	char digest[DIGEST_HEX];

	return answer.len == OTP_ANSWER_LEN &&
	       digest_of(digest, (struct bytes){slot->challenge, slot->challenge_len}, answer) ==
	               0 &&
	       CRYPTO_memcmp(digest, slot->digest, DIGEST_HEX) == 0;
}
