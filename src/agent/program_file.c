#include "agent/program_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "log/read.h"

void program_file_mark(char ret[static PROGRAM_FILE_SIZE], const char *path) {
	struct stat status;

	*ret = '\0';
	/* Not when it was changed last: to give it to root, as the README has it, is no other file. */
	if (stat(path, &status) == 0)
		snprintf(ret, PROGRAM_FILE_SIZE, "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64
		         ".%09ld",
		         (uint64_t)status.st_dev, (uint64_t)status.st_ino, (uint64_t)status.st_size,
		         (uint64_t)status.st_mtim.tv_sec, (long)status.st_mtim.tv_nsec);
}

enum program_file program_file_compare(struct bytes status) {
	CLEANUP(buffer_deinit) struct buffer path = {0}, mark = {0};
	char now[PROGRAM_FILE_SIZE];

	if (event_text(&path, event_field(status, "program")) < 0 ||
	    event_text(&mark, event_field(status, "program_file")) < 0)
		return PROGRAM_FILE_UNKNOWN;
	buffer_put_u8(&path, 0);
	buffer_put_u8(&mark, 0);
	if (buffer_error(&path) < 0 || buffer_error(&mark) < 0 || *path.data != '/')
		return PROGRAM_FILE_UNKNOWN;
	program_file_mark(now, (const char *)path.data);
	return strcmp(now, (const char *)mark.data) == 0 ? PROGRAM_FILE_SAME : PROGRAM_FILE_OTHER;
}
