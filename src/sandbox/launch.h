/* A sandboxed program from outside: started, signalled, waited for. */
#ifndef SANDBOX_LAUNCH_H
#define SANDBOX_LAUNCH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct launch_calls {
	/* The program is about to run, and all that it is to see is there. */
	void (*ready)(void *data);
	void *data;
};

enum launch_end {
	LAUNCH_NO_SANDBOX,  /* bubblewrap could not make it, and has said why */
	LAUNCH_NO_LANDLOCK, /* number: an errno */
	LAUNCH_EXCHANGED,   /* what is mounted is not what was meant */
	LAUNCH_NO_PROGRAM,  /* number: an errno */
	LAUNCH_EXITED,      /* number: its exit status */
	LAUNCH_KILLED,      /* number: the signal */
};

struct launch_result {
	enum launch_end end;
	int number;
};

/* Runs argv, bubblewrap's, whose program tells by kept[0], the other end of our_fd, and waits for
 * its end. What others send to this process, it gets. Keeps open in it: standard descriptors, and
 * those of kept. */
int launch(struct launch_result *ret, char *const argv[], int our_fd, const int *kept,
           size_t n_kept, const struct launch_calls *calls) MUST_CHECK;

#endif
