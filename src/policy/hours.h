/* Times of the week, as a policy writes them: "mon-fri 09:00-17:30", "sat,sun", "22:00-06:00". */
#ifndef POLICY_HOURS_H
#define POLICY_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct hours {
	uint8_t days;  /* those on which it begins, a bit each, Monday's the lowest */
	uint16_t from; /* minutes of the day */
	uint16_t to;   /* the first minute after it; below from: on the next day */
};

#define HOURS_TEXT_SIZE sizeof("mon,tue,wed,thu,fri,sat,sun 00:00-24:00")

/* Days (mon, mon-fri, sat,sun), hours (09:00-17:30), or both. false: it is none of these, and *ret
 * is left alone. */
bool hours_parse(struct hours *ret, const char *text);
void hours_text(char ret[static HOURS_TEXT_SIZE], const struct hours *hours);

bool hours_hold(const struct hours *hours, const struct clock_moment *moment);
/* Whether a holds whenever b does; it may miss that, and never errs by a yes. */
bool hours_cover(const struct hours *a, const struct hours *b);

/* "Mon 09:30", which tests of policies state. */
bool hours_parse_moment(struct clock_moment *ret, const char *text);
#define HOURS_MOMENT_SIZE sizeof("mon 09:30")
void hours_moment_text(char ret[static HOURS_MOMENT_SIZE], const struct clock_moment *moment);

#endif
