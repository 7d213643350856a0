/* The child that asks a tmux server which window a pane is in. */
#ifndef CALLER_TMUX_CHILD_H
#define CALLER_TMUX_CHILD_H

#include <sys/types.h>

#include "caller/tmux_claim.h"

/* What a freshly forked child does: looks who serves the socket, and if that is root's tmux, in our
 * namespaces, becomes a tmux client that can change no file. Writes the answer to fd; nothing where
 * it did not ask. */
_Noreturn void tmux_child_run(int fd, const struct tmux_claim *claim, pid_t parent);

#endif
