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
#include "confirm/broker.h"
#include "platform/platform.h"

#define TICKETS_MAX 16 /* people who look, or programs that pretend to */

struct ticket {
	uint64_t prompt; /* 0: enrolling */
	char nonce[NONCE_SIZE];
	const char *how;         /* static: what its person was told to do */
	int tries;               /* that are left */
	enum prompt_state state; /* of the prompt */
	pid_t pid;
	int watch; /* -1: the ticket is void */
};

/* What the holder of a ticket was told, and what has become of it. */
struct ticket_use {
	const char *how;
	enum prompt_state state;
	int watch; /* of the process; the caller's from now on */
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

/* That prompt ends so. Whoever asks about it with a ticket from before hears what came of it: the
 * answer may have come while he was being shown it. */
void tickets_prompt_ends(struct tickets *tickets, uint64_t prompt, enum prompt_state state);

/* Takes a try of the ticket of that nonce, which is void with the last one, or where somebody else
 * has sent it. true: it was given to the writer, who lives, for that prompt. */
bool tickets_take(struct ticket_use *ret, struct tickets *tickets, const struct peer *writer,
                  uint64_t prompt, struct bytes nonce) MUST_CHECK;
/* The same for whoever awaits the end of the prompt: where it is good for several tries, it takes
 * none of them. */
bool tickets_await(struct ticket_use *ret, struct tickets *tickets, const struct peer *writer,
                   uint64_t prompt, struct bytes nonce) MUST_CHECK;

#endif
