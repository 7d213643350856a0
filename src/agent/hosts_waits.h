/*
 * Who waits until known_hosts was read as it is by now. Reading takes a look of a child, and then
 * turns in which it is indexed. Who comes in the meantime waits for the next look: what he has just
 * written may not be in this one.
 */
#ifndef AGENT_HOSTS_WAITS_H
#define AGENT_HOSTS_WAITS_H

#include <stdbool.h>

/* One of them. Zeroed: nobody. */
struct hosts_wait {
	struct hosts_wait *next, **link; /* of a list; link is NULL while nobody waits */
	void (*done)(void *data);
	void *data;
};
void hosts_wait_end(struct hosts_wait *wait);

/* All of them. Zeroed: there is none. */
struct hosts_waits {
	struct hosts_wait *now, *later; /* for the look that was begun for them, for the next */
	bool is_seen;                   /* that look has come back */
	bool is_indexed;                /* and what it saw, or newer, is being indexed */
};

/* true: he is the first, and a look is to begin, which sees what is there from now on. */
bool hosts_waits_add(struct hosts_waits *waits, struct hosts_wait *wait, void (*done)(void *data),
                     void *data);

/* A look has come back; asked: it is the one that was begun for them. */
void hosts_waits_seen(struct hosts_waits *waits, bool asked);
/* What was seen last is being indexed from here on, in the place of what else was. */
void hosts_waits_indexing(struct hosts_waits *waits);

/* Calls done of those who wait now, or of all; whoever is called may wait again. true: of those who
 * have come since the look began there are some, and one is to begin for them. */
bool hosts_waits_tell(struct hosts_waits *waits, bool all);
/* Nobody is called any more. */
void hosts_waits_drop(struct hosts_waits *waits);

#endif
