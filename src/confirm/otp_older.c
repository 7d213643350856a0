#include "confirm/otp_older.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/words.h"

#define SUFFIX          ".response"
#define ANSWER_TEXT_MAX 128  /* forty digits, and blanks around them */
#define FILES_MAX       1000 /* of a directory: nobody has so many YubiKeys */

static struct bytes trimmed(struct bytes text) {
	static const char blanks[] = " \t\r\n";

	while (text.len > 0 && memchr(blanks, text.data[0], sizeof(blanks) - 1) != NULL) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && memchr(blanks, text.data[text.len - 1], sizeof(blanks) - 1) != NULL)
		text.len--;
	return text;
}

/* Which slot that is, by the name without its end. */
static bool read_name(struct otp_slot *slot, struct bytes name, const struct confirm_older *older) {
	bool bad = false;

	slot->is_older = true;
	if (name.len == strlen("slot1") && memcmp(name.data, "slot", 4) == 0) {
		slot->kind = OTP_PIN;
		slot->slot = (uint8_t)(name.data[4] - '0');
		snprintf(slot->name, sizeof(slot->name), "yubikey-pin");
		return slot->slot == older->pin_slot;
	}
	slot->kind = OTP_TOUCH;
	slot->slot = (uint8_t)older->touch_slot;
	if (bytes_equal_text(name, "default")) {
		snprintf(slot->name, sizeof(slot->name), "yubikey-default");
		return true;
	}
	slot->serial = (uint32_t)words_number(name, UINT32_MAX, &bad);
	snprintf(slot->name, sizeof(slot->name), "yubikey-%u", slot->serial);
	return !bad && slot->serial != 0;
}

bool otp_older_parse(struct otp_slot *ret, int *ret_error, const char *name, struct bytes text,
                     const struct confirm_older *older, int64_t now_us) {
	static const uint8_t nothing[] = {0}; /* the PIN alone is the challenge */
	struct bytes stem = bytes_of_text(name), challenge = bytes_of_text(older->challenge);
	struct otp_slot slot = {.added_us = now_us};
	uint8_t answer[OTP_ANSWER_LEN];
	size_t len = 0;

	if (stem.len <= strlen(SUFFIX) || strcmp(name + stem.len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	stem.len -= strlen(SUFFIX);
	if (!read_name(&slot, stem, older))
		return false;
	if (slot.kind == OTP_PIN)
		challenge = BYTES(nothing);
	*ret_error = hex_read(answer, sizeof(answer), &len, trimmed(text));
	if (*ret_error == 0)
		*ret_error = otp_slot_expect(&slot, challenge, (struct bytes){answer, len});
	if (*ret_error == 0)
		*ret = slot;
	else
		*ret_error = -EBADMSG;
	return true;
}

static const char *why_not(int error) {
	switch (error) {
	case -ELOOP: return "it is a link";
	case -EPERM: return "it is somebody else's";
	case -EACCES: return "others may write to it, or we may not read it";
	case -EBADMSG: return "it holds no answer of a YubiKey";
	case -EEXIST: return "its slot is known already";
	default: return strerror(-error);
	}
}

static void read_one(struct otp_slots *slots, int dir_fd, const char *name,
                     const struct confirm_older *older, int64_t now_us) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct stat status;
	struct otp_slot slot;
	int error, told = 0;

	/* By its name alone, whether it is one at all. */
	if (!otp_older_parse(&slot, &told, name, (struct bytes){0}, older, now_us))
		return;
	error = file_read_own(&text, dir_fd, name, ANSWER_TEXT_MAX, &status);
	if (error == 0 && otp_older_parse(&slot, &told, name, buffer_bytes(&text), older, now_us))
		error = told;
	if (error == 0)
		error = otp_slots_add(slots, &slot);
	if (error < 0)
		diag_error("~/" OTP_OLDER_DIRECTORY "/%s: %s, so it is not used (enroll the "
		           "YubiKey: ssh-agent-guard enroll otp)",
		           name, why_not(error));
}

void otp_older_read(struct otp_slots *slots, const char *home, const struct confirm_older *older,
                    int64_t now_us) {
	CLEANUP(free_pointer) char *path = NULL;
	CLEANUP(free_pointer) char *bad = NULL;
	int fd = -1;
	int error;
	DIR *directory;

	if (asprintf(&path, "%s/" OTP_OLDER_DIRECTORY, home) < 0) {
		path = NULL;
		return;
	}
	error = directory_check(&fd, &bad, path);
	if (error < 0) {
		if (error != -ENOENT)
			diag_error("%s: %s (what the older ssh-agent-guard has left there is not "
			           "used)",
			           bad != NULL ? bad : path, why_not(error));
		return;
	}
	directory = fdopendir(fd);
	if (directory == NULL) {
		close_fd(&fd);
		return;
	}
	for (int i = 0; i < FILES_MAX; i++) {
		const struct dirent *entry = readdir(directory);

		if (entry == NULL)
			break;
		read_one(slots, dirfd(directory), entry->d_name, older, now_us);
	}
	closedir(directory);
}
