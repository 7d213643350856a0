/* The child that runs a renderer which a policy names, as the older ssh-agent-guard ran it. */
#ifndef AGENT_RENDERER_COMMAND_H
#define AGENT_RENDERER_COMMAND_H

#include <sys/types.h>

#include "facts/renderers.h"

/* What it reports: how the program ended, as of waitpid(). With these exit statuses it was not
 * run, or not as it should be. */
#define COMMAND_NO_STATUS 125 /* ~/.local/state/ssh-ag cannot be written */
#define COMMAND_NOT_RUN   127 /* as a shell's */

/* For renderer_calls.run. The status is put to where such programs look for it, and the program is
 * run without arguments of ours or input, with no group that the guard was installed with, and, as
 * far as the system can, unable to change files elsewhere than there and below command->writes. It
 * stays until nothing is left of what the program has started, or it is killed. */
_Noreturn void renderer_command_run(const struct renderer_command *command, int state_fd,
                                    int report_fd, pid_t parent);

#endif
