#include "confirm/touch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "confirm/helper.h"
#include "confirm/touch_child.h"

struct touch {
	struct touch_calls calls;
	struct helper *helper;
	bool replied; /* or stopped: nothing more is told */
};

static void reply(struct touch *touch, const struct touch_reply *said) {
	if (said->kind != TOUCH_NOTE) {
		touch->replied = true;
		helper_hang_up(touch->helper);
	}
	touch->calls.replied(touch->calls.data, said);
}

static bool on_said(void *data, struct bytes message) {
	struct touch_reply said;

	if (touch_reply_parse(&said, message) < 0)
		return false;
	reply(data, &said);
	return true;
}

static void on_lost(void *data) {
	reply(data, &(struct touch_reply){.kind = TOUCH_FAILED, .failure = TOUCH_BROKEN});
}

static void on_ended(void *data) {
	struct touch *touch = data;
	struct touch_calls calls = touch->calls;

	free(touch);
	calls.ended(calls.data);
}

int touch_start(struct touch **ret, struct ev_loop *loop, const struct touch_request *request,
                const char *pin, const struct touch_calls *calls) {
	CLEANUP(buffer_deinit) struct buffer head = {0};
	struct touch *touch = calloc(1, sizeof(*touch));
	const struct helper_calls on = {on_said, on_lost, on_ended, touch};
	int error;

	if (touch == NULL)
		return -ENOMEM;
	touch->calls = *calls;
	touch_request_put(&head, request);
	error = buffer_error(&head);
	if (error == 0)
		error = helper_start(&touch->helper, loop, touch_child_run, TOUCH_REPLY_MAX, &on);
	if (error == 0)
		error = helper_send(touch->helper, buffer_bytes(&head), pin != NULL ? pin : "");
	if (error < 0) {
		touch_free(touch);
		return error;
	}
	*ret = touch;
	return 0;
}

void touch_stop(struct touch *touch) {
	if (touch == NULL || touch->replied)
		return;
	touch->replied = true;
	helper_hang_up(touch->helper);
}

void touch_free(struct touch *touch) {
	if (touch == NULL)
		return;
	helper_free(touch->helper);
	free(touch);
}
