#include "log/days.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 100000 /* 270 years; a directory that somebody filled ends here */

void day_file_name(char ret[static DAY_FILE_SIZE], const char day[static CLOCK_DAY_SIZE]) {
	snprintf(ret, DAY_FILE_SIZE, "%s.yaml", day);
}

static bool is_day_file(const char *name) {
	static const char form[] = "0000-00-00.yaml";

	if (strlen(name) != strlen(form))
		return false;
	for (size_t i = 0; i < strlen(form); i++) {
		bool digit = name[i] >= '0' && name[i] <= '9';

		if (form[i] == '0' ? !digit : name[i] != form[i])
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b) {
	return strcmp(a, b);
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
	memcpy(days->names[days->count++], name, DAY_FILE_SIZE);
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
	*ret = days;
	days = (struct days){0};
	return 0;
}

void days_deinit(struct days *days) {
	free(days->names);
	*days = (struct days){0};
}
