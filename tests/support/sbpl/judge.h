/*
 * What a profile allows, by the two ways in which people who measured it say that it is read: the
 * last rule that fits counts; or that of the most special operation, and only among those the last.
 * Knows the filters that the guard writes; another one ends the program.
 */
#ifndef SBPL_JUDGE_H
#define SBPL_JUDGE_H

#include <stdbool.h>

#include "reader.h"

enum sbpl_reading { SBPL_LAST_RULE, SBPL_SPECIAL_FIRST };

/* What an operation is about; what does not belong to it is NULL. */
struct sbpl_object {
	const char *path;        /* of a file */
	const char *remote_unix; /* a socket's path, to connect to */
	const char *local_unix;  /* likewise, to listen on */
	const char *ip;          /* "remote" or "local" */
	const char *name;        /* of a service, a sysctl, shared memory */
	const char *target;      /* of a signal and the like: "same-sandbox", "others" */
	const char *domain;      /* of a socket: "AF_UNIX" */
	const char *ioctl;       /* its number, in decimal */
	bool own_pty;            /* the terminal was made in the sandbox */
};

bool sbpl_allows(const struct sbpl_node *profile, enum sbpl_reading reading, const char *operation,
                 const struct sbpl_object *object);

#endif
