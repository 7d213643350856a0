/* The file of the OTP slots: how they come to be in force, and who else changes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

#define SAME_SECOND_S 2.

/* Only one that is there: libev looks for what is not every few seconds. And it compares seconds,
 * so that of the same size in the same one is seen by another look. */
void slots_watch_file(struct slots *slots) {
	struct ev_loop *loop = slots->asker->guard->loop;

	ev_stat_stop(loop, &slots->file);
	ev_stat_start(loop, &slots->file);
	ev_timer_stop(loop, &slots->look_again);
	ev_now_update(loop);
	ev_timer_set(&slots->look_again, SAME_SECOND_S, 0.);
	ev_timer_start(loop, &slots->look_again);
}

/* Somebody else has changed what is enrolled: that takes a yes, so it is not used. */
static void look_at_file(struct slots *slots) {
	struct otp_slots found = {0};
	int error = otp_slots_load(&found, slots->asker->guard->state_fd);

	/* What we are writing ourselves is there before we hear of it. */
	if (error == 0 && (otp_slots_same(&found, &slots->enrolled) ||
	                   (slots->storing != NULL && otp_slots_same(&found, &slots->next))))
		return;
	if (error == -ENOENT)
		ev_stat_stop(slots->asker->guard->loop, &slots->file);
	guard_note(slots->asker->guard, "enrolment-changed", NULL,
	           "the file of the YubiKeys was changed by another program; what was enrolled "
	           "before stays in force");
	guard_notice(slots->asker->guard,
	             "the file of the YubiKeys was changed by another program; the guard does not "
	             "use it, but will after a restart (look at ssh-agent-guard enroll --list)");
}

static void on_file(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	look_at_file(watcher->data);
}

static void on_look_again(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	look_at_file(watcher->data);
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
	otp_older_read(&found, home, &policy_confirm(asker->guard->policy)->older, clock_real_us());
	if (found.count == 0)
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
	slots->enrolled = found;
	slots_watch_file(slots);
	snprintf(detail, sizeof(detail),
	         "otp: %zu taken over from the files of the older ssh-agent-guard in "
	         "~/" OTP_OLDER_DIRECTORY ", which are read no more",
	         found.count);
	guard_note(asker->guard, "enrolled", NULL, detail);
	diag_info("%s", detail);
}

int slots_load(struct slots *slots) {
	int state_fd = slots->asker->guard->state_fd;
	int error = otp_slots_load(&slots->enrolled, state_fd);

	if (error < 0 && error != -ENOENT) {
		slots->error = error;
		diag_error("%s in the state directory: %s (no YubiKey can be used by its slots; to "
		           "enroll them anew, remove the file and start the guard again)",
		           OTP_FILE, why_unread(error));
	}
	snprintf(slots->file_path, sizeof(slots->file_path), "/proc/self/fd/%d/%s", state_fd,
	         OTP_FILE);
	ev_stat_init(&slots->file, on_file, slots->file_path, 0.);
	ev_init(&slots->look_again, on_look_again);
	slots->file.data = slots->look_again.data = slots;
	if (error != -ENOENT)
		slots_watch_file(slots);
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
