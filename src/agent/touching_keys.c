/* Which security keys are enrolled, as their file has them, and which of them may say yes. */
#include "agent/touching_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "policy/floor.h"

/* ---- who may say yes ---- */

/* Where the system floor names the keys that may say yes. */
bool touching_names(const struct touching *touching, const struct enrolled_key *key) {
	return floor_takes_key(touching->asker->guard->floor, key->point);
}

static size_t count_keys(const struct touching *touching, bool named, bool verified) {
	size_t count = 0;

	for (size_t i = 0; i < touching->enrolment.count; i++) {
		const struct enrolled_key *key = &touching->enrolment.keys[i];

		count += touching_names(touching, key) == named && (!verified || key->verifies);
	}
	return count;
}

bool touching_can(const struct touching *touching, bool verified) {
	return count_keys(touching, true, verified) > 0;
}

bool touching_is_barred(const struct touching *touching, bool verified) {
	return !touching_can(touching, verified) && count_keys(touching, false, verified) > 0;
}

bool touching_has_keys(const struct touching *touching) {
	return touching->enrolment.count > 0;
}

/* To a request: one that the floor names. To a change of what is enrolled: likewise, where there is
 * one; else whoever begins would have no way to enrol the first of them. */
bool touching_key_may(const struct touching *touching, const struct enrolled_key *key) {
	return touching_names(touching, key) ||
	       (touching->change != CHANGE_NONE && !touching_can(touching, false));
}

/* ---- the file ---- */

/* Only one that is there: what is not is looked for every few seconds. */
static void file_written(struct touching *touching) {
	own_file_written(&touching->file);
	own_file_watch(&touching->file);
}

int touching_keys_save(struct touching *touching, const struct enrolment *enrolment) {
	int error = enrolment_save(enrolment, touching->asker->guard->state_fd);

	if (error == 0)
		file_written(touching);
	return error;
}

/* Somebody else has changed what is enrolled: that takes a touch, so it is not used. */
static void look_at_file(void *data) {
	struct touching *touching = data;
	struct guard *guard = touching->asker->guard;
	struct enrolment found = {0};
	int error = enrolment_load(&found, guard->state_fd);

	if ((error == 0 || error == -ENOENT) && enrolment_same(&found, &touching->enrolment))
		return;
	/* One that could not be read from the beginning. */
	if (error < 0 && error == touching->error)
		return;
	/* It is told once. */
	own_file_written(&touching->file);
	if (error == -ENOENT)
		own_file_leave(&touching->file);
	guard_note(guard, "enrolment-changed", NULL,
	           "the file of the security keys was changed by another program; those that were "
	           "enrolled before stay in force");
	guard_notice(guard,
	             "the file of the security keys was changed by another program; the guard "
	             "does not use it, but will after a restart (look at ssh-agent-guard "
	             "enroll --list)");
}

int touching_keys_load(struct touching *touching) {
	struct guard *guard = touching->asker->guard;
	const struct own_file_calls calls = {look_at_file, look_at_file, touching};
	int error = own_file_init(&touching->file, guard, ENROLMENT_FILE, &calls);

	if (error < 0)
		return error;
	error = enrolment_load(&touching->enrolment, guard->state_fd);
	if (error < 0 && error != -ENOENT) {
		touching->error = error;
		diag_error("%s in the state directory: %s (no security key can be used; to enroll "
		           "them anew, remove the file and start the guard again)",
		           ENROLMENT_FILE, strerror(-error));
	}
	if (error != -ENOENT)
		file_written(touching);
	return 0;
}

/* ---- what is told of them ---- */

void touching_floor_changed(struct touching *touching) {
	char names[ENROLLED_MAX * (KEY_NAME_LEN_MAX + 2) + 1] = "";
	char detail[sizeof(names) + 160];
	size_t len = 0;

	for (size_t i = 0; i < touching->enrolment.count; i++) {
		const struct enrolled_key *key = &touching->enrolment.keys[i];

		if (!touching_names(touching, key))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
			                        len > 0 ? ", " : "", key->name);
	}
	if (len == 0)
		return;
	snprintf(detail, sizeof(detail),
	         "security keys that are enrolled, and that the system floor does not name, say no "
	         "yes: %s (see confirm: credentials in ssh-agent-guard-policy(5))",
	         names);
	diag_info("%s", detail);
	guard_note(touching->asker->guard, "keys-not-pinned", NULL, detail);
}

void touching_list(const struct touching *touching, struct buffer *text) {
	for (size_t i = 0; i < touching->enrolment.count; i++) {
		const struct enrolled_key *key = &touching->enrolment.keys[i];
		char stamp[CLOCK_STAMP_SIZE], id[DIGEST_HEX], point[HEX_SIZE(POINT_LEN)];
		char line[256 + sizeof(point)];

		clock_stamp(stamp, key->added_us);
		if (digest_hex(id, (struct bytes){key->id, key->id_len}) < 0)
			continue;
		hex_put(point, BYTES(key->point));
		snprintf(line, sizeof(line),
		         "%s: security key, enrolled %s, %s, credential %.16s%s\n  public key %s\n",
		         key->name, stamp, key->verifies ? "with its PIN" : "without a PIN", id,
		         touching_names(touching, key)
		                 ? ""
		                 : ", not named by the system floor: says no yes",
		         point);
		buffer_put_raw(text, bytes_of_text(line));
	}
}
