#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define REAL_US_MIN (-62135596800LL * 1000000)     /* 0001-01-01 */
#define REAL_US_MAX (253402300800LL * 1000000 - 1) /* the end of 9999 */

uint64_t clock_mono_ns(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_work_ns(void) {
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t clock_real_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct clock_moment clock_moment(int64_t real_us) {
	time_t seconds = (time_t)(real_us / 1000000);
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL)
		return (struct clock_moment){0};
	return (struct clock_moment){true, (uint8_t)((tm.tm_wday + 6) % 7),
	                             (uint16_t)(tm.tm_hour * 60 + tm.tm_min)};
}

static int64_t split(struct tm *ret_day, int64_t real_us) {
	int64_t us;
	time_t seconds;

	if (real_us < REAL_US_MIN)
		real_us = REAL_US_MIN;
	if (real_us > REAL_US_MAX)
		real_us = REAL_US_MAX;
	us = (real_us % 1000000 + 1000000) % 1000000;
	seconds = (time_t)((real_us - us) / 1000000);
	if (gmtime_r(&seconds, ret_day) == NULL)
		memset(ret_day, 0, sizeof(*ret_day));
	return us;
}

/* Each number is reduced to the width it is printed with, so that the compiler sees that no
 * buffer is too small. */
void clock_stamp(char ret[static CLOCK_STAMP_SIZE], int64_t real_us) {
	char day[CLOCK_DAY_SIZE];
	struct tm tm;
	int64_t us = split(&tm, real_us);

	clock_day(day, real_us);
	snprintf(ret, CLOCK_STAMP_SIZE, "%sT%02u:%02u:%02u.%06uZ", day, (unsigned)tm.tm_hour % 100,
	         (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)us % 1000000);
}

void clock_day(char ret[static CLOCK_DAY_SIZE], int64_t real_us) {
	struct tm tm;

	split(&tm, real_us);
	snprintf(ret, CLOCK_DAY_SIZE, "%04u-%02u-%02u", (unsigned)(tm.tm_year + 1900) % 10000,
	         (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100);
}

void clock_wall(char ret[static CLOCK_WALL_SIZE], int64_t real_us) {
	struct tm tm;
	time_t seconds;

	split(&tm, real_us); /* where the time zone's clock cannot be told */
	seconds = (time_t)(real_us / 1000000);
	if (real_us >= 0 && real_us <= REAL_US_MAX)
		localtime_r(&seconds, &tm);
	snprintf(ret, CLOCK_WALL_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u",
	         (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
	         (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	         (unsigned)tm.tm_sec % 100);
}
