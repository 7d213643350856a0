/* Where the programs are: a file of its own, so that a test can put others in their place. */
#include "config.h"
#include "confirm/otp_programs.h"

const char *otp_program_info(void) {
	return YKINFO_PROGRAM;
}

const char *otp_program_answer(void) {
	return YKCHALRESP_PROGRAM;
}
