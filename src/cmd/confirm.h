/* A person's yes to what waits, for commands that make it wait. */
#ifndef CMD_CONFIRM_H
#define CMD_CONFIRM_H

#include "cmd/options.h"

/* Shows the request of that number ("": the only one that waits), reads the PIN, and says yes with
 * it. Returns the exit status. */
int confirm_request(const struct options *options, const char *id);

#endif
