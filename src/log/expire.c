#include "log/expire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/chain.h"
#include "log/day_file.h"
#include "log/read.h"
#include "log/tail.h"

#define DAY_US        (86400LL * 1000000)
#define BACK_DAYS_MAX 36600 /* a log that ended a century ago may go */
#define LINK_LEN      256   /* of a document: its first two fields */

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
		day_file_name(name, day, 1);
	} while (strcmp(name, newest) > 0 && real_us - at_us < BACK_DAYS_MAX * DAY_US);
	clock_day(day, at_us + DAY_US - (int64_t)keep_days * DAY_US);
	day_file_name(ret, day, 1);
}

static size_t count_old(const struct days *days, int64_t real_us, unsigned keep_days) {
	char day[CLOCK_DAY_SIZE], today[DAY_FILE_SIZE], kept[DAY_FILE_SIZE];
	const char *newest;
	size_t count = 0;

	clock_day(day, real_us);
	day_file_name(today, day, 1);
	newest = newest_before(days, today);
	if (keep_days == 0 || newest == NULL)
		return 0;
	first_kept(kept, newest, real_us, keep_days);
	while (count < days->count && strcmp(days->names[count], kept) < 0)
		count++;
	return count;
}

static uint64_t len_of(int dir_fd, const char *name) {
	struct stat status;

	return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)
	               ? (uint64_t)status.st_size
	               : 0;
}

static size_t count_too_much(const struct days *days, int dir_fd, uint64_t keep_len) {
	uint64_t len = 0;
	size_t from = days->count;

	if (keep_len == 0)
		return 0;
	while (from > 0) {
		len += len_of(dir_fd, days->names[from - 1]);
		if (len > keep_len)
			break;
		from--;
	}
	return from;
}

static void close_file(struct day_file **file) {
	day_file_close(*file);
}

static int first_link(struct chain_link *ret, int dir_fd, const char *name) {
	CLEANUP(close_file) struct day_file *file = NULL;
	uint8_t begin[LINK_LEN];
	size_t len = 0;
	int error = day_file_open(&file, dir_fd, name);

	if (error == 0)
		error = day_file_read(&len, file, begin, sizeof(begin));
	return error == 0 ? chain_link_read(ret, (struct bytes){begin, len}) : error;
}

static int last_document(struct buffer *ret, int dir_fd, const char *name) {
	CLEANUP(close_file) struct day_file *file = NULL;
	int error = day_file_open(&file, dir_fd, name);
	off_t len = error == 0 ? day_file_stat(file)->st_size : 0;

	if (error == 0 && !day_file_unpacks(file) && len > TAIL_LEN_MAX)
		error = day_file_skip(file, (uint64_t)len - TAIL_LEN_MAX);
	return error == 0 ? tail_document_through(ret, file) : error;
}

/* Not of a later day than its file: the last event of a newer day, in a file of an old name. */
static bool is_of_its_day(struct bytes document, const char *name) {
	CLEANUP(buffer_deinit) struct buffer stamp = {0};

	return event_text(&stamp, event_field(document, "timestamp")) == 0 &&
	       stamp.len == CLOCK_STAMP_SIZE - 1 &&
	       memcmp(stamp.data, name, CLOCK_DAY_SIZE - 1) <= 0;
}

/* Whether nothing was taken from between the file and the first event that stays. */
static bool is_joined(int dir_fd, const char *name, const struct chain_link *kept) {
	CLEANUP(buffer_deinit) struct buffer last = {0};
	struct chain_link link, next;

	if (last_document(&last, dir_fd, name) < 0 ||
	    chain_link_read(&link, buffer_bytes(&last)) < 0)
		return false;
	next = chain_next(&link, buffer_bytes(&last));
	return next.seq == kept->seq && memcmp(next.prev, kept->prev, sizeof(next.prev)) == 0 &&
	       is_of_its_day(buffer_bytes(&last), name);
}

int expire_plan(struct expiry *ret, int dir_fd, const struct keep *keep, int64_t real_us) {
	CLEANUP(expiry_deinit) struct expiry expiry = {0};
	int error = days_list(&expiry.days, dir_fd);
	struct chain_link kept = {0};
	size_t old, too_much;

	*ret = (struct expiry){0};
	if (error < 0 || expiry.days.count == 0)
		return error;
	old = count_old(&expiry.days, real_us, keep->days);
	too_much = count_too_much(&expiry.days, dir_fd, keep->len);
	expiry.count = old > too_much ? old : too_much;
	if (expiry.count > expiry.days.count - 1)
		expiry.count = expiry.days.count - 1;
	if (expiry.count == 0)
		return 0;
	error = -EBADMSG;
	for (size_t i = expiry.count; error < 0 && i < expiry.days.count; i++)
		error = first_link(&kept, dir_fd, expiry.days.names[i]);
	if (error < 0)
		return -EBADMSG;
	expiry.kept_from = kept.seq;
	expiry.joined = is_joined(dir_fd, expiry.days.names[expiry.count - 1], &kept);
	*ret = expiry;
	expiry = (struct expiry){0};
	return 0;
}

void expiry_deinit(struct expiry *expiry) {
	days_deinit(&expiry->days);
}

/* With its packed twin, which a crash may have left. */
static int remove_file(int dir_fd, const char *name) {
	char twin[DAY_FILE_SIZE];

	if (unlinkat(dir_fd, name, 0) < 0)
		return -errno;
	if (!day_file_is_packed(name) &&
	    snprintf(twin, sizeof(twin), "%s" PACKED_SUFFIX, name) < (int)sizeof(twin) &&
	    unlinkat(dir_fd, twin, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int expire_remove(const struct expiry *expiry, int dir_fd) {
	int failed = 0;

	for (size_t i = 0; i < expiry->count; i++) {
		int error = remove_file(dir_fd, expiry->days.names[i]);

		failed = failed < 0 ? failed : error;
	}
	return failed;
}
