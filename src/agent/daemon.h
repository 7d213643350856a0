/* The daemon: everything that serves, put together, from its first check to its last event. */
#ifndef AGENT_DAEMON_H
#define AGENT_DAEMON_H

#include <stdbool.h>

#include "base/cleanup.h"

#define UPSTREAM_ANSWER_S 300. /* a person may be asked meanwhile, and look for his key */

struct daemon_options {
	const char *state_asked; /* state, where somebody has chosen it; NULL */
	const char *policy, *state, *runtime, *socket, *control, *pending; /* absolute paths */
	/* As policy_upstream() tells it, and before what that says; NULL: nobody said so. */
	const char *upstream;
	const char *ssh_agent, *gpg_agent, *gpgconf; /* the programs of a managed one */
	double answer_s;
	bool is_service; /* the process that a service manager waits for, if one has started it */
	/* Called once it serves. */
	void (*ready)(void *data);
	void *data;
};

/* Serves until it is told to end. 0: it was; 1: it could not start; 2: the policy is bad. What is
 * wrong has been said. */
int daemon_run(const struct daemon_options *options) MUST_CHECK;

#endif
