/* The file of the OTP slots: how they come to be in force, and who else changes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/slots_older.h"
#include "agent/slots_parts.h"
#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "confirm/otp_older.h"

static const char *why_unread(int error) {
	switch (error) {
	case -ELOOP: return "it is a link";
	case -EPERM: return "it is somebody else's";
	case -EACCES: return "others may read or change it";
	case -EBADMSG: return "it is none that the guard has written";
	default: return strerror(-error);
	}
}

/* Only one that is there: what is not is looked for every few seconds. */
void slots_file_written(struct slots *slots) {
	slots->written = slots->writing;
	own_file_written(&slots->file);
	own_file_watch(&slots->file);
}

/* Somebody else has changed what is enrolled: that takes a yes, so it is not used. */
static void look_at_file(void *data) {
	struct slots *slots = data;
	struct otp_slots found = {0};
	int error = otp_slots_load(&found, slots->asker->guard->state_fd);

	/* What we are writing ourselves is there before we hear of it. */
	if ((error == 0 || error == -ENOENT) &&
	    (otp_slots_same(&found, &slots->written) || otp_slots_same(&found, &slots->writing)))
		return;
	/* One that could not be read from the beginning. */
	if (error < 0 && error == slots->error)
		return;
	/* It is told once. */
	own_file_written(&slots->file);
	if (error == -ENOENT)
		own_file_leave(&slots->file);
	guard_note(slots->asker->guard, "enrolment-changed", NULL,
	           "the file of the YubiKeys was changed by another program; what was enrolled "
	           "before stays in force");
	guard_notice(slots->asker->guard,
	             "the file of the YubiKeys was changed by another program; the guard does not "
	             "use it, but will after a restart (look at ssh-agent-guard enroll --list)");
}

/* Once: from then on our own file is there, whatever becomes of the older ones. */
static void take_older(struct slots *slots) {
	struct asker *asker = slots->asker;
	CLEANUP(buffer_deinit) struct buffer text = {0};
	const char *home = getenv("HOME");
	struct otp_slots found = {0};
	char detail[256];
	int error;

	if (home == NULL || home[0] != '/')
		return;
	error = slots_older_read(&found, home, &policy_confirm(asker->guard->policy)->older);
	if (error < 0)
		diag_error("~/" OTP_OLDER_DIRECTORY ": %s (what the older ssh-agent-guard has left "
		           "there is not used)",
		           error == -ETIMEDOUT ? "its file system does not answer"
		                               : strerror(-error));
	if (error < 0 || found.count == 0)
		return;
	/* Whoever writes such a file would enroll himself, past what says yes by now. */
	if (asker->pin.hash[0] != '\0' || asker->pin_error < 0 ||
	    touching_has_keys(asker->touching) || asker->touching->error < 0) {
		diag_error("~/" OTP_OLDER_DIRECTORY
		           ": not used, because something else is enrolled "
		           "that says yes (enroll the YubiKey: ssh-agent-guard enroll otp)");
		return;
	}
	otp_slots_put(&text, &found);
	error = buffer_error(&text);
	if (error == 0)
		error = file_replace_durably(asker->guard->state_fd, OTP_FILE, buffer_bytes(&text));
	if (error < 0) {
		diag_error("%s in the state directory: %s", OTP_FILE, strerror(-error));
		return;
	}
	slots->enrolled = slots->writing = found;
	slots_file_written(slots);
	snprintf(detail, sizeof(detail),
	         "otp: %zu taken over from the files of the older ssh-agent-guard in "
	         "~/" OTP_OLDER_DIRECTORY ", which are read no more",
	         found.count);
	guard_note(asker->guard, "enrolled", NULL, detail);
	diag_info("%s", detail);
}

int slots_load(struct slots *slots) {
	struct guard *guard = slots->asker->guard;
	const struct own_file_calls calls = {look_at_file, look_at_file, slots};
	int error = own_file_init(&slots->file, guard, OTP_FILE, &calls);

	if (error < 0)
		return error;
	error = otp_slots_load(&slots->enrolled, guard->state_fd);
	if (error < 0 && error != -ENOENT) {
		slots->error = error;
		diag_error("%s in the state directory: %s (no YubiKey can be used by its slots; to "
		           "enroll them anew, remove the file and start the guard again)",
		           OTP_FILE, why_unread(error));
	}
	slots->writing = slots->enrolled;
	if (error != -ENOENT)
		slots_file_written(slots);
	else
		take_older(slots);
	return 0;
}

void slots_list(const struct slots *slots, struct buffer *text) {
	for (size_t i = 0; i < slots->enrolled.count; i++) {
		const struct otp_slot *slot = &slots->enrolled.slots[i];
		char stamp[CLOCK_STAMP_SIZE], serial[32] = "any YubiKey", line[256];

		clock_stamp(stamp, slot->added_us);
		if (slot->serial != 0)
			snprintf(serial, sizeof(serial), "YubiKey %u", slot->serial);
		snprintf(line, sizeof(line), "%s: slot %u of %s, for %s (weak), enrolled %s%s\n",
		         slot->name, slot->slot, serial,
		         slot->kind == OTP_PIN ? "a PIN" : "a touch", stamp,
		         slot->is_older ? ", not used since the older ssh-agent-guard" : "");
		buffer_put_raw(text, bytes_of_text(line));
	}
}
