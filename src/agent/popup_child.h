/* What a popup's child does: finds the tmux client that the user looks at, and opens it there. */
#ifndef AGENT_POPUP_CHILD_H
#define AGENT_POPUP_CHILD_H

#include <sys/types.h>

#include "caller/tmux_claim.h"

/* What the child writes, before the name of the client. */
#define POPUP_CHILD_POPUP 'P'
#define POPUP_CHILD_SPLIT 'S' /* this tmux has no popups, so a pane is split */

struct popup_task {
	const char *const *directories; /* of the user's tmux sockets */
	size_t n_directories;
	const struct tmux_claim *claim; /* where the caller says it is; NULL */
	const char *const *command;     /* to be run in it, ended by NULL */
};

/* A freshly forked child, in a process group of its own. Ends at once where nobody is there who
 * could see it; else with the popup, and with a split right away. */
_Noreturn void popup_child_run(int fd, const struct popup_task *task, pid_t parent);

#endif
