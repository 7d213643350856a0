/*
 * Options of one letter, walked through as OpenSSH's own getopt() does: clustered or apart, and no
 * further than the first word that is none. What it would refuse is OPTION_BAD, and so is what
 * depends on the oddities of one getopt().
 */
#ifndef CALLER_OPTION_WALK_H
#define CALLER_OPTION_WALK_H

#include <stdbool.h>
#include <stddef.h>

#define OPTION_END (-1)
#define OPTION_BAD (-2)

struct option_walk {
	const char *const *argv;
	size_t argc;
	const char *letters;  /* a ':' behind those that take an argument */
	size_t at;            /* the next word; at OPTION_END the first that is no option */
	const char *place;    /* in a cluster */
	const char *argument; /* of the letter that was returned; NULL where it takes none */
	bool ended;           /* by "--" */
};

/* at: the first word to look at. */
struct option_walk option_walk_over(const char *const *argv, size_t argc, size_t at,
                                    const char *letters);

/* The next letter, OPTION_END or OPTION_BAD. */
int option_walk_next(struct option_walk *walk);

#endif
