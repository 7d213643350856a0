/* Where things are (the contract's "Places"), from the options and the environment. */
#ifndef CMD_PLACES_H
#define CMD_PLACES_H

#include "base/cleanup.h"

struct places {
	char *policy; /* the one that is there, else where it would be */
	char *state;
	char *runtime; /* RUNTIME/ssh-agent-guard: agents, and the control socket of the default one
	                */
	char *socket;
	char *control;
	char *pending; /* the directory of what waits for a person */
};

/* Options that were not given are NULL. Relative ones are made absolute by the working directory.
 * -ENOENT: no home directory is known. */
int places_init(struct places *places, const char *policy, const char *state,
                const char *socket) MUST_CHECK;
void places_deinit(struct places *places);

#endif
