/* A person's yes to what waits, for commands that make it wait. */
#ifndef CMD_CONFIRM_H
#define CMD_CONFIRM_H

#include <stdbool.h>

#include "cmd/options.h"

enum confirm_outcome {
	CONFIRM_SAID_YES,
	CONFIRM_REFUSED,      /* there was an answer, and the guard does not take it */
	CONFIRM_NOT_ANSWERED, /* the person let it be */
	CONFIRM_NOT_ASKED,    /* it could not come to an answer, as was said */
};

/* Shows the request of that number ("": the only one that waits), reads the PIN, and says yes with
 * it. stands: it came by itself, in a popup, so what is typed in the first moment was meant for
 * something else, and what is too long for that is not asked. */
enum confirm_outcome confirm_once(const struct options *options, const char *id, bool stands);

/* How the PIN is asked for within a screen that another process draws; returns what
 * terminal_ask_secret() does. */
struct confirm_way {
	int (*ask)(void *data, char *ret, size_t size, const char *question);
	void *data;
};
/* As confirm_once(), by that way; where nothing is to be typed, it says so and does not wait, and
 * what is too long for a screen is not asked. */
enum confirm_outcome confirm_within(const struct options *options, const char *id,
                                    const struct confirm_way *way);

/* The same; returns the exit status. */
int confirm_request(const struct options *options, const char *id);

/* What runs in a popup that the guard has opened in tmux: tells it so, by that token, and asks
 * until there is a yes, the person lets it be, or the request has ended. Returns the exit status.
 */
int confirm_in_popup(const char *token, const char *control, const char *id);

#endif
