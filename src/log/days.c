#include "log/days.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 100000 /* 270 years of one a day; a directory that somebody filled ends here */

#define DAY_LEN  (CLOCK_DAY_SIZE - 1)
#define PART_LEN strlen("p002")
#define SUFFIX   ".yaml"

void day_file_name(char ret[static DAY_FILE_SIZE], const char day[static CLOCK_DAY_SIZE],
                   unsigned part) {
	if (part <= 1)
		snprintf(ret, DAY_FILE_SIZE, "%.10s" SUFFIX, day);
	else
		snprintf(ret, DAY_FILE_SIZE, "%.10sp%03u" SUFFIX, day,
		         part < DAY_PART_MAX ? part : DAY_PART_MAX);
}

/* Whether text begins with that, where 0 stands for any digit. */
static bool begins_like(const char *text, const char *form) {
	for (size_t i = 0; form[i] != '\0'; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == '0' ? !digit : text[i] != form[i])
			return false;
	}
	return true;
}

void day_file_day(char ret[static CLOCK_DAY_SIZE], const char *name) {
	memcpy(ret, name, DAY_LEN);
	ret[DAY_LEN] = '\0';
}

unsigned day_file_part(const char *name) {
	return name[DAY_LEN] == 'p' ? (unsigned)strtoul(name + DAY_LEN + 1, NULL, 10) : 1;
}

bool day_file_is_packed(const char *name) {
	size_t len = strlen(name);

	return len > strlen(PACKED_SUFFIX) &&
	       strcmp(name + len - strlen(PACKED_SUFFIX), PACKED_SUFFIX) == 0;
}

static bool is_day_file(const char *name) {
	size_t at = DAY_LEN;

	if (!begins_like(name, "0000-00-00"))
		return false;
	if (begins_like(name + at, "p000")) {
		if (day_file_part(name) < 2)
			return false; /* would be a second name of part 1 */
		at += PART_LEN;
	}
	return strcmp(name + at, SUFFIX) == 0 || strcmp(name + at, SUFFIX PACKED_SUFFIX) == 0;
}

int day_file_compare(const char *a, const char *b) {
	int days = strncmp(a, b, DAY_LEN);
	unsigned part_a, part_b;

	if (days != 0 || strlen(a) < DAY_LEN || strlen(b) < DAY_LEN)
		return days;
	part_a = day_file_part(a);
	part_b = day_file_part(b);
	return part_a < part_b ? -1 : part_a > part_b;
}

/* The unpacked one first. */
static int by_name(const void *a, const void *b) {
	return strcmp(a, b);
}

static void drop_packed_twins(struct days *days) {
	size_t kept = 0;

	for (size_t i = 0; i < days->count; i++) {
		if (kept > 0 && day_file_compare(days->names[kept - 1], days->names[i]) == 0)
			continue;
		memmove(days->names[kept++], days->names[i], DAY_FILE_SIZE);
	}
	days->count = kept;
}

static void close_directory(DIR **directory) {
	if (*directory != NULL)
		closedir(*directory);
}

static int add(struct days *days, size_t *capacity, const char *name) {
	if (days->count == DAYS_MAX)
		return -EFBIG;
	if (days->count == *capacity) {
		size_t more = *capacity * 2 + 16;
		void *names = realloc(days->names, more * sizeof(*days->names));

		if (names == NULL)
			return -ENOMEM;
		days->names = names;
		*capacity = more;
	}
	memcpy(days->names[days->count++], name, strlen(name) + 1); /* is_day_file(): it fits */
	return 0;
}

int days_list(struct days *ret, int dir_fd) {
	/* Opened anew: a duplicate would share its place in the directory with dir_fd. */
	CLEANUP(close_fd) int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_directory) DIR *directory = NULL;
	CLEANUP(days_deinit) struct days days = {0};
	size_t capacity = 0;
	int error = 0;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (directory == NULL)
		return -errno;
	take_fd(&fd);
	while (error == 0) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(directory);
		if (entry == NULL && errno != 0)
			return -errno;
		if (entry == NULL)
			break;
		if (is_day_file(entry->d_name))
			error = add(&days, &capacity, entry->d_name);
	}
	if (error < 0)
		return error;
	if (days.count > 0)
		qsort(days.names, days.count, sizeof(*days.names), by_name);
	drop_packed_twins(&days);
	*ret = days;
	days = (struct days){0};
	return 0;
}

void days_deinit(struct days *days) {
	free(days->names);
	*days = (struct days){0};
}
