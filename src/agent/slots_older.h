/* What the older ssh-agent-guard has left of YubiKeys in the home, looked at by a child: the home's
 * file systems may never answer, and the guard is to start all the same. */
#ifndef AGENT_SLOTS_OLDER_H
#define AGENT_SLOTS_OLDER_H

#include "base/cleanup.h"
#include "confirm/otp_slots.h"
#include "facts/confirm.h"

/* What is wrong there has been said. -ETIMEDOUT: it does not answer in time. */
int slots_older_read(struct otp_slots *ret, const char *home,
                     const struct confirm_older *older) MUST_CHECK;

#endif
