/* What is to be decided. Made by agent/; everything in it is borrowed. */
#ifndef FACTS_REQUEST_H
#define FACTS_REQUEST_H

#include "facts/caller.h"
#include "facts/key.h"
#include "facts/operation.h"

struct request {
	enum operation operation;
	struct key_facts key;
	const struct caller *caller; /* never NULL */
	const char *endpoint;	     /* the socket's name: "default" */
};

#endif
