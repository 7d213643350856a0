/*
 * Times as people type and read them. What is typed without a zone is local time; the log itself
 * is in UTC (docs/events.md).
 */
#ifndef LOG_WHEN_H
#define LOG_WHEN_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define WHEN_LOCAL_SIZE sizeof("2026-11-23 05:00:23")

/* For messages and help. */
#define WHEN_FORMS_1 "2026-11-23, 09:30, \"2026-11-23 09:30:15\""
#define WHEN_FORMS_2 "2026-11-23T09:30:15Z, \"2 hours ago\", 10m, now, today, yesterday"

/* From its first microsecond to its last: a date is a whole day, 09:30 a whole minute. */
struct when {
	int64_t first_us, last_us;
};

/* -EINVAL: none of the forms, or no such day or time. now_us is what "10m" counts back from. */
int when_parse(struct when *ret, const char *text, int64_t now_us) MUST_CHECK;

/* RFC 3339 with its zone, and nothing else. -EINVAL: it is none. */
int when_stamp(int64_t *ret_us, struct bytes stamp) MUST_CHECK;

/* Local time to the second. A time outside the years 1 to 9999 is clamped. */
void when_local(char ret[static WHEN_LOCAL_SIZE], int64_t real_us);

#endif
