/* One run of a program, from which nothing else of the guard can be reached: with a clean
 * environment, no descriptors but its three, and a limit for its time. */
#ifndef CONFIRM_OTP_RUN_H
#define CONFIRM_OTP_RUN_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "confirm/otp_programs.h"

#define RUN_STATUS_MISSING 127

struct otp_run {
	int image_fd;
	char *const *argv;
	struct bytes input;
	int limit_ms;
	int watch_fd; /* once something is to be read there, nobody waits any more */
};

enum otp_how { OTP_ENDED, OTP_TOO_LATE, OTP_CALLED_OFF };

struct otp_outcome {
	enum otp_how how;
	int status; /* of one that ended; above 127: by a signal */
	uint8_t out[OTP_OUTPUT_MAX], err[OTP_OUTPUT_MAX]; /* what is more is not kept */
	size_t out_len, err_len;
};

/* Waits for its end, or kills it. -errno where it could not be started. */
int otp_run(struct otp_outcome *ret, const struct otp_run *run) MUST_CHECK;

#endif
