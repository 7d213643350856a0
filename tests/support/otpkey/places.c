/*
 * In the place of confirm/otp_places.c: the environment says in which directory ykinfo and
 * ykchalresp are (SSH_AGENT_GUARD_OTP_PROGRAMS).
 */
#include <stdio.h>
#include <stdlib.h>

#include "confirm/otp_programs.h"

static const char *place_of(char *ret, size_t size, const char *name) {
	const char *directory = getenv("SSH_AGENT_GUARD_OTP_PROGRAMS");

	snprintf(ret, size, "%s/%s", directory != NULL ? directory : "/nonexistent", name);
	return ret;
}

const char *otp_program_info(void) {
	static char path[200];

	return place_of(path, sizeof(path), "ykinfo");
}

const char *otp_program_answer(void) {
	static char path[200];

	return place_of(path, sizeof(path), "ykchalresp");
}
