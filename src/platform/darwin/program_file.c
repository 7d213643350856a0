/* macOS's way to look at the file of a program; see program.h. */
#include <fcntl.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "platform/program.h"

/* A descriptor for events alone: nothing is opened in the sense of a device or a FIFO. There is no
 * path here that leads to files of whoever follows it, but /dev/fd, which holds no programs of
 * others. */
int program_find(struct stat *ret, const char *path) {
	CLEANUP(close_fd) int fd = open(path, O_EVTONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 || fstat(fd, ret) < 0 ? -1 : take_fd(&fd);
}

/* By its path: what was found cannot be opened by its descriptor. */
bool program_is_script(int found_fd) {
	char path[MAXPATHLEN], mark[2];
	CLEANUP(close_fd) int fd = -1;
	struct stat found, opened;

	if (fcntl(found_fd, F_GETPATH, path) < 0 || fstat(found_fd, &found) < 0)
		return false;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &opened) == 0 && opened.st_dev == found.st_dev &&
	       opened.st_ino == found.st_ino && pread(fd, mark, sizeof(mark), 0) == sizeof(mark) &&
	       memcmp(mark, "#!", sizeof(mark)) == 0;
}
