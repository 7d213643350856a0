/* One request to the guard over its control socket, which nobody waits for: the answer comes by a
 * call from the loop, or that there is none. */
#ifndef MONITOR_INQUIRY_H
#define MONITOR_INQUIRY_H

#include <ev.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

/* result: as of control_ask(). The inquiry has ended, and may begin anew within the call. */
typedef void inquiry_answered(void *data, int result, struct bytes answer);

struct inquiry {
	struct ev_loop *loop;
	inquiry_answered *answered;
	void *data;
	int fd; /* -1: nothing is asked */
	ev_io io;
	ev_timer timer;
	struct buffer answer;
};

void inquiry_init(struct inquiry *inquiry, struct ev_loop *loop, inquiry_answered *answered,
                  void *data);
void inquiry_deinit(struct inquiry *inquiry);

bool inquiry_is_open(const struct inquiry *inquiry);
/* One that is open is given up. An error is what answered() would get, and it is not called. */
int inquiry_begin(struct inquiry *inquiry, const char *path, const char *request) MUST_CHECK;

#endif
