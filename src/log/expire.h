/* Retention: day files that are older than a policy wants them kept are removed. */
#ifndef LOG_EXPIRE_H
#define LOG_EXPIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "log/days.h"

struct expired {
	size_t count; /* files that were removed; 0: none */
	char first[DAY_FILE_SIZE], last[DAY_FILE_SIZE];
};

/* Removes those below dir_fd of which the whole day is more than keep_days before real_us. Days are
 * counted back from the newest file before that day at most, so that a clock that has just jumped
 * ahead empties no log. What could not be removed stays; the errno of the first such file, after
 * all others were tried. */
int expire_days(struct expired *ret, int dir_fd, int64_t real_us, unsigned keep_days) MUST_CHECK;

#endif
