/*
 * A touch of a security key, asked of the helper: a child of the guard, which speaks with the
 * devices, and which can be ended at any moment. What it brings is not believed
 * (confirm/assertion.h).
 */
#ifndef CONFIRM_TOUCH_H
#define CONFIRM_TOUCH_H

#include <ev.h>

#include "base/cleanup.h"
#include "confirm/touch_message.h"

struct touch;

struct touch_calls {
	/* Notes, any number of them; then one reply of another kind, unless it was stopped. */
	void (*replied)(void *data, const struct touch_reply *reply);
	/* The helper is gone, and the touch with it: now the keys are free. */
	void (*ended)(void *data);
	void *data;
};

/* The request is borrowed for the call. pin, from locked memory, is copied nowhere but to the
 * helper; NULL: none. loop must be the default one. */
int touch_start(struct touch **ret, struct ev_loop *loop, const struct touch_request *request,
                const char *pin, const struct touch_calls *calls) MUST_CHECK;
/* Calls it off; ended() follows. NULL is fine. */
void touch_stop(struct touch *touch);
/* At once, and nobody is called. NULL is fine. */
void touch_free(struct touch *touch);

#endif
