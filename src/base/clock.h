/* The clocks: one for durations, one for the calendar, one for our own work. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STAMP_SIZE sizeof("2026-11-23T05:00:23.123456Z")
#define CLOCK_DAY_SIZE   sizeof("2026-11-23")
#define CLOCK_WALL_SIZE  sizeof("2026-11-23T05:00:23")

uint64_t clock_mono_ns(void); /* since some fixed moment; stands still while suspended */
int64_t clock_real_us(void);  /* since 1970-01-01 UTC */
/* Of processor time that this thread has taken: a limit of work that others cannot use up by keeping
 * the machine busy. */
uint64_t clock_work_ns(void);

/* A minute of the week, as the clock on the wall shows it. Zeroed memory knows nothing. */
struct clock_moment {
	bool known;
	uint8_t weekday; /* 0: Monday */
	uint16_t minute; /* of that day */
};
struct clock_moment clock_moment(int64_t real_us); /* in the time zone of this process */

/* RFC 3339 in UTC with microseconds. A time outside the years 0 to 9999 is clamped. */
void clock_stamp(char ret[static CLOCK_STAMP_SIZE], int64_t real_us);
/* As a clock on the wall shows it, in the time zone of this process. */
void clock_wall(char ret[static CLOCK_WALL_SIZE], int64_t real_us);
/* The UTC day alone, as day files are called. */
void clock_day(char ret[static CLOCK_DAY_SIZE], int64_t real_us);

#endif
