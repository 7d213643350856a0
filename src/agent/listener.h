/*
 * The guard's socket: at its path before anybody else, private from its first instant, and taken
 * back when another one is put in its place.
 */
#ifndef AGENT_LISTENER_H
#define AGENT_LISTENER_H

#include <ev.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define ACCEPT_MAX       64  /* in one turn of the loop */
#define LISTEN_BACKLOG   128 /* as ssh-agent */
#define ACCEPT_RETRY_S   1.  /* while descriptors are short; sooner where one comes back */
#define TAKE_BACK_S      0.2 /* between two attempts to take the path back; longer each time */
#define TAKE_BACK_LAST_S 3.  /* and so long in the end */

struct listener;

struct listener_calls {
	/* An accepted socket, which is yours from here on. -EMFILE and the like: accepting pauses.
	 */
	int (*accepted)(void *data, int fd);
	/* Somebody put something in our socket's place, which we took back (error 0) or could not.
	 */
	void (*replaced)(void *data, int error);
	/* Accepting had to pause. */
	void (*paused)(void *data, int error);
	void *data;
};

/*
 * Claims the path: its directory must be ours and closed to others, a lock beside it free, and
 * what lies there a stale socket or nothing. Does not listen yet. *ret_why is a sentence for a
 * person (owned by the caller) where it fails: -EADDRINUSE: a live agent is there, or another
 * guard; -EPERM, -EACCES: the directory; -EEXIST: no socket lies there; -ENAMETOOLONG.
 */
int listener_new(struct listener **ret, char **ret_why, struct ev_loop *loop, const char *path,
                 const struct listener_calls *calls) MUST_CHECK;
/* The socket's mode, 0600 unless set; before it starts. */
void listener_set_mode(struct listener *listener, mode_t mode);
/* Binds, listens and accepts. */
int listener_start(struct listener *listener) MUST_CHECK;
/* Looks now whether it is in its place, where a watch may not have told. */
void listener_look(struct listener *listener);
/* A connection ended: accepting may go on. */
void listener_resume(struct listener *listener);
/* Takes its name away, once who is to use it has got hold of it in another way, and watches over
 * its place no longer. It goes on accepting. */
void listener_hide(struct listener *listener);
/* Removes the socket where it still is ours, and accepts no more. NULL is fine. */
void listener_free(struct listener *listener);

/* Takes an exclusive lock on dir_fd/name, a file that stays. -EADDRINUSE: another process has it.
 */
int lock_file(int *ret_fd, int dir_fd, const char *name) MUST_CHECK;

#endif
