/* What both sides of the control socket have in common: control.c, which answers, and
 * control_ask.c. Nobody else looks inside. */
#ifndef AGENT_CONTROL_PARTS_H
#define AGENT_CONTROL_PARTS_H

#include <stdbool.h>
#include <sys/un.h>

#include "base/cleanup.h"

int control_address(struct sockaddr_un *ret, const char *path) MUST_CHECK; /* -ENAMETOOLONG */
/* Whether the other end is this user, or root. */
bool control_is_allowed(int fd);

#endif
