/*
 * What the older ssh-agent-guard has left below ~/.local/state/ssh-ag/confirm: for each slot of a
 * YubiKey the answer to a challenge that is the same each time, as a line of hexadecimal digits.
 *
 *	SERIAL.response    of the YubiKey with that serial number, to the policy's challenge
 *	default.response   of any other
 *	slotN.response     of the slot for the PIN, to the PIN
 */
#ifndef CONFIRM_OTP_OLDER_H
#define CONFIRM_OTP_OLDER_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/otp_slots.h"
#include "facts/confirm.h"

#define OTP_OLDER_DIRECTORY ".local/state/ssh-ag/confirm"

/* What such a file says, by its name. false: it is no file of answers. -EBADMSG in *ret_error: it
 * is, and holds none. Pure. */
bool otp_older_parse(struct otp_slot *ret, int *ret_error, const char *name, struct bytes text,
                     const struct confirm_older *older, int64_t now_us);

/* Adds what can be read below that home. What cannot (a link, somebody else's file, one that others
 * may write to) is said, and left. */
void otp_older_read(struct otp_slots *slots, const char *home, const struct confirm_older *older,
                    int64_t now_us);

#endif
