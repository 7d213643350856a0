/*
 * What a caller's environment says of the tmux that it runs in. All of it is a claim, and a false
 * tmux server can have its client write files; so only a socket of the user's own tmux directory is
 * ever looked at, whatever is named.
 */
#ifndef CALLER_TMUX_CLAIM_H
#define CALLER_TMUX_CLAIM_H

#include <stdbool.h>
#include <stddef.h>

#include "facts/caller.h"

#define TMUX_PATH_SIZE 108 /* of a socket's address */
#define TMUX_PANE_SIZE 12  /* '%' and a number */

struct tmux_claim {
	char directory[TMUX_PATH_SIZE]; /* one of the user's own */
	char socket[TMUX_PATH_SIZE];    /* a path in it */
	char pane[TMUX_PANE_SIZE];
};

enum tmux_said {
	TMUX_NOTHING, /* it says that it is in none */
	TMUX_USELESS, /* it cannot be known, or is not to be asked */
	TMUX_PANE,
};

/* Its words alone, socket and pane, wherever that is: to be compared, and not to be contacted. */
enum tmux_said tmux_claim_words(struct tmux_claim *ret, const struct caller *caller);

/* directories are the user's own. Of a caller in other namespaces than ours, a path is none here.
 */
enum tmux_said tmux_claim_of(struct tmux_claim *ret, const struct caller *caller,
                             const char *const *directories, size_t n_directories);

/* What tmux has answered: one line with the pane and the window. NULL: something else, as where it
 * has no such pane. Owned by the caller. */
char *tmux_window_of(const char *answer, size_t len, const char *pane);

#endif
