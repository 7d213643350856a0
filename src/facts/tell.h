/* How people are told of what the guard did, as a policy says. */
#ifndef FACTS_TELL_H
#define FACTS_TELL_H

#include <stdbool.h>

#define HOOK_WORDS_MAX 32 /* a program and its arguments; a hook is no script */

/* Zeroed memory: the caller's terminal alone. */
struct tell_settings {
	bool no_terminal; /* nothing is written to a caller's terminal */
	/* Commands, each a program's absolute path, its arguments and a NULL; NULL: there is none.
	 * Owned, and so are the words. */
	char **on_pending, **on_result;
};

#endif
