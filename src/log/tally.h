/*
 * How often what was decided: the requests of a time by decision, program, destination and hour of
 * the day, with bars. Documents in, text out.
 *
 * Names come from strangers, who can make up as many as they like. So of each kind as many are
 * counted as TALLY_NAMES_MAX, and what comes after that together.
 */
#ifndef LOG_TALLY_H
#define LOG_TALLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define TALLY_NAMES_MAX 4096 /* no person has more programs; 16 MiB of the longest paths */
#define TALLY_SHOWN_MAX 10   /* of each kind */

struct tally_options {
	size_t width; /* of the text; at least TALLY_WIDTH_MIN is taken */
	bool utf8;    /* as of display_put() */
	bool colour;
};
#define TALLY_WIDTH_MIN 48 /* half for a name, and the greatest number */

struct tally;

int tally_new(struct tally **ret) MUST_CHECK;
void tally_free(struct tally *tally); /* NULL is fine */

/* Counts a request that was decided; one that stands for many refusals, as so many. Other events
 * are no requests. -ENOMEM. */
int tally_add(struct tally *tally, struct bytes document) MUST_CHECK;

/* Appends it to *shown. -ENOMEM. */
int tally_show(struct buffer *shown, const struct tally *tally,
               struct tally_options options) MUST_CHECK;

#endif
