/* Each test has a directory of day files of its own, and works in it. */
#ifndef TESTS_LOG_DIRECTORY_H
#define TESTS_LOG_DIRECTORY_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static char directory[64];
static int dir_fd = -1;

static inline int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	if (mkdtemp(directory) == NULL || chdir(directory) < 0)
		return -1;
	dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static inline int leave(void **state) {
	char command[128];

	(void)state;
	close_fd(&dir_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

#endif
