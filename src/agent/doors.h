/*
 * The sockets that the policy asks for besides the guard's own: made when it is loaded, and taken
 * away when a later one no longer has them.
 */
#ifndef AGENT_DOORS_H
#define AGENT_DOORS_H

#include <ev.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "policy/policy.h"

struct doors;

struct doors_calls {
	/* As listener_calls has it; name is the endpoint's, and holds for the call. */
	int (*accepted)(void *data, int fd, const char *name);
	void (*paused)(void *data, int error);
	/* The socket of a policy could not be made, or somebody put something in its place. */
	void (*failed)(void *data, const char *path, const char *why);
	void (*replaced)(void *data, const char *path, int error);
	/* Whether it may not be ours, whatever lies there now. */
	bool (*forbidden)(void *data, const char *path);
	void *data;
};

int doors_new(struct doors **ret, struct ev_loop *loop, const struct doors_calls *calls) MUST_CHECK;
void doors_free(struct doors *doors); /* NULL is fine */

/* Those that were there already, with the same name at the same path, stay open. */
void doors_set(struct doors *doors, const struct policy *policy);
/* A connection ended: accepting may go on. */
void doors_resume(struct doors *doors);

#endif
