/*
 * The first program in the sandbox: starts the one that is meant, under Landlock, and tells the
 * launcher outside what becomes of it. It stands between the two, because only the parent of a
 * process hears that it stopped.
 */
#ifndef SANDBOX_INSIDE_H
#define SANDBOX_INSIDE_H

#include <stdint.h>

#define INSIDE_NO_CONFINE "--allow-nested"
#define INSIDE_WRITABLE   "--writable"
#define INSIDE_SOCKET     "--socket"
#define INSIDE_SAME       "--same" /* DEVICE:INODE, hexadecimal, and what it is to be the path of */

/* What is sent over the channel: one of these, each with a number. */
enum inside_news {
	INSIDE_READY = 'r',     /* by the program's own process, about to become it */
	INSIDE_FAILED = 'f',    /* it cannot become it: an errno */
	INSIDE_EXCHANGED = 'e', /* something else lies at a path than outside */
	INSIDE_OPEN = 'o',      /* Landlock does not take it: an errno */
	INSIDE_EXITED = 'x',    /* its exit status */
	INSIDE_KILLED = 'k',    /* the signal that ended it */
};

struct inside_message {
	int32_t news;
	int32_t number;
};

/* argv: NAME CHANNEL IGNORED [OPTION VALUE...] -- COMMAND..., where CHANNEL is a
 * descriptor and IGNORED a mask of the signals that were ignored outside. */
int inside_run(int argc, char **argv);

#endif
