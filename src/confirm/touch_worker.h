/* One of the helper's processes: speaks with one security key. */
#ifndef CONFIRM_TOUCH_WORKER_H
#define CONFIRM_TOUCH_WORKER_H

#include <sys/types.h>

#include "confirm/key_devices.h"
#include "confirm/touch_message.h"

/* In a forked child, which ends here. Replies go to fd; it says TOUCH_NOTE_HOLDS once it knows that
 * the key can do what is asked, and goes on when a byte comes back. SIGTERM calls it off. */
_Noreturn void touch_worker_run(int fd, const struct key_device *device,
                                const struct touch_request *request, pid_t parent);

#endif
