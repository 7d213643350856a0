#include "log/expire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define DAY_US        (86400LL * 1000000)
#define BACK_DAYS_MAX 36600 /* a log that ended a century ago may go */

/* The name of the newest file of a day before. */
static const char *newest_before(const struct days *days, const char *today) {
	for (size_t i = days->count; i > 0; i--)
		if (strcmp(days->names[i - 1], today) < 0)
			return days->names[i - 1];
	return NULL;
}

/* The first day that is kept, as the name of its file: keep_days before the day of `newest`. */
static void first_kept(char ret[static DAY_FILE_SIZE], const char *newest, int64_t real_us,
                       unsigned keep_days) {
	char day[CLOCK_DAY_SIZE], name[DAY_FILE_SIZE];
	int64_t at_us = real_us;

	/* To the day after that one. */
	do {
		at_us -= DAY_US;
		clock_day(day, at_us);
		day_file_name(name, day);
	} while (strcmp(name, newest) > 0 && real_us - at_us < BACK_DAYS_MAX * DAY_US);
	clock_day(day, at_us + DAY_US - (int64_t)keep_days * DAY_US);
	day_file_name(ret, day);
}

int expire_days(struct expired *ret, int dir_fd, int64_t real_us, unsigned keep_days) {
	CLEANUP(days_deinit) struct days days = {0};
	char day[CLOCK_DAY_SIZE], today[DAY_FILE_SIZE], kept[DAY_FILE_SIZE];
	const char *newest;
	int error = days_list(&days, dir_fd), failed = 0;

	*ret = (struct expired){0};
	if (error < 0 || keep_days == 0)
		return error;
	clock_day(day, real_us);
	day_file_name(today, day);
	newest = newest_before(&days, today);
	if (newest == NULL)
		return 0;
	first_kept(kept, newest, real_us, keep_days);
	for (size_t i = 0; i < days.count && strcmp(days.names[i], kept) < 0; i++) {
		if (unlinkat(dir_fd, days.names[i], 0) < 0) {
			failed = failed < 0 ? failed : -errno;
			continue;
		}
		if (ret->count++ == 0)
			memcpy(ret->first, days.names[i], DAY_FILE_SIZE);
		memcpy(ret->last, days.names[i], DAY_FILE_SIZE);
	}
	return failed;
}
