/*
 * Where the socket of an agent lies that the guard did not start: who could put another agent in
 * its place, which would then be asked for signatures and given keys, and which users can get to
 * it.
 */
#ifndef AGENT_UPSTREAM_PLACE_H
#define AGENT_UPSTREAM_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct upstream_place {
	bool is_there;       /* something lies there now */
	bool others_enter;   /* other users can get to its directory */
	bool others_connect; /* and its own mode lets them connect */
	mode_t mode;         /* of its directory */
};

/* Looks at the absolute path as it will be looked up, each directory and link of it. -EPERM: one
 * belongs to another user. -EACCES: others may write to one, and so exchange what lies below. Also
 * -ELOOP, -ENOTDIR, ... *ret_why is a sentence for a person, owned by the caller, where there is an
 * error. That something is not there yet is no error, where nobody else can make it. */
int upstream_place_look(struct upstream_place *ret, char **ret_why, const char *path) MUST_CHECK;

#endif
