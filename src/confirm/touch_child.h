/* The helper for security keys: finds those that are plugged in, and has one process speak with
 * each, so that any of them may answer. */
#ifndef CONFIRM_TOUCH_CHILD_H
#define CONFIRM_TOUCH_CHILD_H

#include <sys/types.h>

/* In a forked child, which ends here: takes one request from fd, and answers there. It ends when
 * the other end is closed. */
_Noreturn void touch_child_run(int fd, pid_t parent);

#endif
