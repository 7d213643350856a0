/*
 * The day files of a directory of events: how they are called, and which there are.
 *
 * A day has one file, and more where that grew long (part 2 on). One that is closed may be packed
 * by zstd. Sorted by their names, in the C locale and in others, they come in their order:
 *
 *     2026-11-22.yaml.zst  2026-11-23.yaml  2026-11-23p002.yaml  2026-11-23p003.yaml
 */
#ifndef LOG_DAYS_H
#define LOG_DAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define EVENTS_DIRECTORY "events" /* in the state directory */
#define DAY_FILE_SIZE    sizeof("2026-11-23p002.yaml.zst")
#define DAY_PART_MAX     999 /* the last one grows without limit */
#define PACKED_SUFFIX    ".zst"

struct days {
	char (*names)[DAY_FILE_SIZE]; /* owned; from the oldest on */
	size_t count;
};

/* The file that holds events of a day, such as "2026-11-23"; part: from 1 on. */
void day_file_name(char ret[static DAY_FILE_SIZE], const char day[static CLOCK_DAY_SIZE],
                   unsigned part);
/* What the name of one says. */
void day_file_day(char ret[static CLOCK_DAY_SIZE], const char *name);
unsigned day_file_part(const char *name);
bool day_file_is_packed(const char *name);
/* By their order; 0: the same file, packed or not. */
int day_file_compare(const char *a, const char *b);

/* What is called like a day file, of whatever kind it is; nothing else in there is looked at. Of
 * one that is there packed and unpacked, which a crash leaves, the unpacked one alone.
 * -ENOMEM, or what reading the directory failed with. */
int days_list(struct days *ret, int dir_fd) MUST_CHECK;
void days_deinit(struct days *days);

#endif
