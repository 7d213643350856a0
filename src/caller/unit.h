/* The unit of systemd that a process runs in, told by its cgroup. */
#ifndef CALLER_UNIT_H
#define CALLER_UNIT_H

#include "base/bytes.h"

/* A view into the path: the unit of the user's own manager where it is in one, else the system's;
 * of a unit's own sub-groups it is the unit. Empty where it is in none; data is NULL where the path
 * lies outside of what we see. Whoever has a part of the tree to himself, as each user has below
 * user@UID.service, can call a group there what he likes. */
struct bytes unit_of_cgroup(const char *cgroup);

#endif
