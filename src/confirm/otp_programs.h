/*
 * The programs that speak with a YubiKey's OTP slots, of the package yubikey-personalization: where
 * they are, what they say, and what that means. What they say is parsed as a stranger's.
 */
#ifndef CONFIRM_OTP_PROGRAMS_H
#define CONFIRM_OTP_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/otp_slots.h"

#define OTP_OUTPUT_MAX 512 /* two lines, or a usage text that is cut off */

/* Absolute paths: never looked for in anybody's PATH. */
const char *otp_program_info(void);
const char *otp_program_answer(void);

/* A YubiKey, as ykinfo -q -s -1 -2 tells. */
struct otp_key {
	uint32_t serial;
	bool has_slot[3]; /* by number */
};
int otp_key_parse(struct otp_key *ret, struct bytes output) MUST_CHECK;

/* What ykchalresp prints. */
int otp_answer_parse(uint8_t ret[static OTP_ANSWER_LEN], struct bytes output) MUST_CHECK;

/* Why a program ended with a status that is not 0. */
enum otp_trouble {
	OTP_TROUBLE_OTHER,
	OTP_TROUBLE_NO_KEY,
	OTP_TROUBLE_GONE, /* pulled out while it was spoken with */
	OTP_TROUBLE_TIMEOUT,
	OTP_TROUBLE_WANTS_TOUCH,
	OTP_TROUBLE_BUSY,
	OTP_TROUBLE_ACCESS,
};
enum otp_trouble otp_trouble_of(struct bytes error_output);

#endif
