/* The helper for OTP slots: runs the programs that speak with YubiKeys, one at a time, each
 * confined and with a limit for its time. */
#ifndef CONFIRM_OTP_CHILD_H
#define CONFIRM_OTP_CHILD_H

#include <sys/types.h>

/* In a forked child, which ends here: takes one request from fd, and then challenges, and answers
 * there. It ends when the other end is closed. */
_Noreturn void otp_child_run(int fd, pid_t parent);

#endif
