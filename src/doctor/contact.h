/* Who answers at a socket, found out by asking. */
#ifndef DOCTOR_CONTACT_H
#define DOCTOR_CONTACT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum contact {
	CONTACT_NONE,  /* nobody listens there, or lets us in; see error */
	CONTACT_OTHER, /* somebody who speaks of neither */
	CONTACT_AGENT,
	CONTACT_MASTER, /* an ssh that shares its connection */
};

struct contacted {
	enum contact what;
	int error;       /* of CONTACT_NONE and CONTACT_OTHER */
	uint32_t n_keys; /* of an agent, as it lists them */
};

struct contacted contact_ask(const char *path);

/* Asks an agent which extensions it has, which every guard passes on, and waits for its answer. */
void contact_query(const char *path);

/* The process that listens there; 0: none does, or the system does not say. Asks for nothing. */
pid_t contact_listener(const char *path);

/* Connects, and waits for what is said there first. 0: it begins so. */
int contact_greets(const char *path, const char *greeting);

/* Whether both paths are one, or lead to one file. */
bool contact_same_place(const char *a, const char *b);

#endif
