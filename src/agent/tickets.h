/*
 * Tickets: what the asker gives a process that runs our own program and has been shown something,
 * so that this process, and no other, may answer it, once, or, with a PIN that is easily mistyped,
 * a few times.
 */
#ifndef AGENT_TICKETS_H
#define AGENT_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/nonce.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "platform/platform.h"

#define TICKETS_MAX 16 /* people who look, or programs that pretend to */

struct ticket {
	uint64_t prompt; /* 0: enrolling */
	char nonce[NONCE_SIZE];
	const char *how; /* static: what its person was told to do */
	int tries;       /* that are left */
	pid_t pid;
	int watch; /* -1: the ticket is void */
};

struct tickets {
	struct ticket items[TICKETS_MAX];
	size_t next;
};

void tickets_init(struct tickets *tickets);
void tickets_deinit(struct tickets *tickets); /* all are void; it stays initialized */

/* watch, of the process (platform_process_watch()), is taken over; how is static. It is
 * good for that many tries. The oldest one becomes void where there are too many. NULL: no nonce
 * can be made. */
const struct ticket *tickets_add(struct tickets *tickets, pid_t pid, int watch, uint64_t prompt,
                                 const char *how, int tries) MUST_CHECK;

/* Takes a try of the ticket of that nonce, which is void with the last one, or where somebody else
 * has sent it. true: it was given to the writer, who lives, for that prompt. Then *ret_how is what
 * its person was told to do, and *ret_watch, the caller's from now on, the process. */
bool tickets_take(struct tickets *tickets, const struct peer *writer, uint64_t prompt,
                  struct bytes nonce, const char **ret_how, int *ret_watch) MUST_CHECK;
/* The same for whoever awaits the end of the prompt: where it is good for several tries, it takes
 * none of them. */
bool tickets_await(struct tickets *tickets, const struct peer *writer, uint64_t prompt,
                   struct bytes nonce, const char **ret_how, int *ret_watch) MUST_CHECK;

#endif
