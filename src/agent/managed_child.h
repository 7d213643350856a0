/* How the child becomes the agent that the guard starts for itself. */
#ifndef AGENT_MANAGED_CHILD_H
#define AGENT_MANAGED_CHILD_H

#include <sys/types.h>

#include "agent/hideout.h"
#include "base/cleanup.h"

struct managed_child {
	const struct hideout *hideout;
	int image_fd;       /* of platform_program_image() */
	int output_fd;      /* what it says */
	int std_fd, ssh_fd; /* the listeners of a gpg-agent; -1: it is an ssh-agent */
	pid_t parent;
	char **environment; /* of managed_environment() */
};

/* With room for what a child adds. NULL: no memory. */
char **managed_environment(void);
void managed_environment_free(char **environment);

/* In the child. Nothing of ours goes along but what stands there. */
_Noreturn void managed_child_run(const struct managed_child *child);

#endif
