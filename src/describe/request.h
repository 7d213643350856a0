/*
 * A request as a file describes it. What is not stated is known and ordinary: empty, no, none, a
 * signature, the default endpoint. What a live request derives is derived here, too, unless it is
 * stated. A new field is a row in request.c.
 */
#ifndef DESCRIBE_REQUEST_H
#define DESCRIBE_REQUEST_H

#include "base/cleanup.h"
#include "facts/request.h"
#include "policy/reading.h"

struct described {
	struct request request; /* its caller is the one below */
	struct caller *caller;	/* owned */
	char *endpoint;		/* owned */
	struct payload payload; /* the request's, where it is a signature */
};

/* From the map of a request; NULL: nothing is stated. What is wrong with it is reported, and leaves
 * a request that is not to be used. reading->context.home is what "~/" in a path means. -ENOMEM. */
int described_read(struct described *ret, struct reading *reading,
		   const struct yaml_node *map) MUST_CHECK;
void described_deinit(struct described *described);

#endif
