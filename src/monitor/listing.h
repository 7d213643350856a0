/*
 * What the guard lists: requests that wait, or grants, as the control socket tells them
 * (agent/asker_control.h). Each begins with a line "request 3, ..., for another 58 s", and goes on
 * with indented ones, "  label: text". Bytes in, a list out.
 */
#ifndef MONITOR_LISTING_H
#define MONITOR_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define LISTED_MAX 512 /* above what a guard has of either */

struct listed {
	uint64_t id;
	uint64_t until_ns;  /* clock_mono_ns() */
	uint64_t seen_ns;   /* when it stood on the screen first; 0: it did not yet */
	struct buffer text; /* its other lines, printable ASCII, each with its newline */
};

struct listing {
	struct listed *items; /* owned; in the guard's order */
	size_t count;
};

/* word: what each begins with. -EBADMSG: it has another form. */
int listing_read(struct listing *ret, const char *word, struct bytes answer,
                 uint64_t now_ns) MUST_CHECK;
void listing_deinit(struct listing *listing);

/* What is known of those that were in the list before. A guard tells whole seconds, so an end that
 * moves by less than that has not moved. */
void listing_inherit(struct listing *listing, const struct listing *before);

const struct listed *listing_find(const struct listing *listing, uint64_t id); /* NULL: not there */
size_t listing_index(const struct listing *listing, uint64_t id);              /* count: likewise */

/* What a line of it says; empty where there is none of that label. */
struct bytes listed_line(const struct listed *listed, const char *label);
uint64_t listed_seconds(const struct listed *listed, uint64_t now_ns); /* that are left */

/* Takes the next line off the text; false: there is none. */
bool text_line(struct bytes *ret, struct bytes *text);

#endif
