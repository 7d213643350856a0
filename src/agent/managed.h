/*
 * The ssh-agent or gpg-agent that the guard starts for itself: in its hideout (hideout.h), ended
 * with the guard also when that is killed, and started again, empty, when it dies.
 *
 * Debian's ssh-agent is setgid, and the kernel forgets "die with your parent" for such a program.
 * So a sealed copy of it is executed, which no set-id bit adheres to, and which nobody, not even
 * its user, may read: that makes the process untraceable from its first instruction.
 */
#ifndef AGENT_MANAGED_H
#define AGENT_MANAGED_H

#include <ev.h>
#include <stdbool.h>

#include "base/cleanup.h"

#define RESTART_MIN_S   0.1
#define RESTART_MAX_S   30.
#define STEADY_S        10. /* one that lived this long has not died of its start */
#define START_TIMEOUT_S 10.

struct managed;

enum managed_state { MANAGED_STARTING, MANAGED_UP, MANAGED_DOWN };

/* detail is a sentence for a person, or NULL. */
typedef void managed_changed(void *data, enum managed_state state, const char *detail);

struct managed_options {
	/* An absolute path, owned by root, or by us where no one else can write to it. */
	const char *program;
	/* For the hideout; must exist and be private. */
	const char *runtime_directory;
	/* NULL: the program is an ssh-agent. Else it is a gpg-agent, of which only the socket for
	 * ssh can be hidden; gpgconf, the program, tells where its own one is to be. */
	const char *gpgconf;
};

/* loop is the default loop, which alone can wait for children. *ret_why, owned by the caller, may
 * be a sentence for a person where there is an error. */
int managed_new(struct managed **ret, char **ret_why, struct ev_loop *loop,
                const struct managed_options *options, managed_changed *changed,
                void *data) MUST_CHECK;
void managed_start(struct managed *managed);
/* Ends an agent whose socket has gone, and that nobody can reach any more: another one is started,
 * where the directory is gone in a new one. */
void managed_keep(struct managed *managed);
/* Ends the agent, waits for that, and removes the directory. NULL is fine. */
void managed_free(struct managed *managed);

/* Good while it is MANAGED_UP; another one may come with the next one. */
const char *managed_socket(const struct managed *managed);
const char *managed_name(const struct managed *managed); /* "ssh-agent", "gpg-agent" */
/* Why other programs of this user can reach it, for a person; NULL: none can. Static. */
const char *managed_why_reachable(const struct managed *managed);

#endif
