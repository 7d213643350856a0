/*
 * Which policy a tool is about where none is named: that of the guard that runs, which may have been
 * started with another file than the one at the ordinary place. Without a guard it is that one. Which
 * it is, and that the guard goes by another text than the file's, is said on standard error.
 */
#ifndef CMD_IN_FORCE_H
#define CMD_IN_FORCE_H

#include "base/cleanup.h"
#include "cmd/places.h"
#include "policy/policy.h"

struct in_force {
	/* Of what the guard goes by, hex; "": no guard has told, or it goes by no file. */
	char sha256[65];
};

/* Asks the guard of these places; places->policy is its file then. */
void in_force_find(struct in_force *ret, struct places *places);

/* What it goes by: the accepted policy where that is locked, else the file. What is wrong is in
 * *problems. -ENOENT: the file is not there. floor may be NULL. */
int in_force_load(struct policy **ret, const struct in_force *in_force,
                  const struct places *places, const struct policy *floor,
                  struct problems *problems) MUST_CHECK;

/* Says it where the policy, which was read from the file, is not what the guard goes by. */
void in_force_compare(const struct in_force *in_force, const struct policy *policy);

#endif
