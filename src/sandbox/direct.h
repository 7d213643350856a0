/*
 * A program from outside whose sandbox is put on by the very process that becomes it, as
 * sandbox-exec does: started, signalled, stopped and continued, and waited for. What runs first in
 * the sandbox is ours, so that it is known whether there was one, and whether the program could be
 * run.
 */
#ifndef SANDBOX_DIRECT_H
#define SANDBOX_DIRECT_H

#include "base/cleanup.h"
#include "sandbox/launch.h"

/* Runs argv, which in the end executes direct_inside(), with the number of channel[1] as its
 * CHANNEL; closes that here. The channel is one of platform_message_pair(). It gets the standard
 * descriptors and that one. */
int direct_run(struct launch_result *ret, char *const argv[], int channel[2]) MUST_CHECK;

/* argv: NAME CHANNEL -- COMMAND... Returns only where the command cannot be run. */
int direct_inside(int argc, char **argv);

#endif
