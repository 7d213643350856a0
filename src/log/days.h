/* The day files of a directory of events: how they are called, and which there are. */
#ifndef LOG_DAYS_H
#define LOG_DAYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define EVENTS_DIRECTORY "events" /* in the state directory */
#define DAY_FILE_SIZE    sizeof("2026-11-23.yaml")

struct days {
	char (*names)[DAY_FILE_SIZE]; /* owned; from the oldest on */
	size_t count;
};

/* The file that holds the events of a day, such as "2026-11-23". */
void day_file_name(char ret[static DAY_FILE_SIZE], const char day[static CLOCK_DAY_SIZE]);

/* What is called like a day file, of whatever kind it is; nothing else in there is looked at.
 * -ENOMEM, or what reading the directory failed with. */
int days_list(struct days *ret, int dir_fd) MUST_CHECK;
void days_deinit(struct days *days);

#endif
