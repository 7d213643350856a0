#include "log/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "log/days.h"
#include "platform/platform.h"

#define COVERED "another file system was mounted over the state directory"
#define MOVED   "the state directory was moved, removed or replaced"

/* Opens STATE/events, making it where it is missing. */
static int directory_open(struct place *place) {
	CLEANUP(close_fd) int fd = -1;
	struct stat status;

	if (mkdirat(place->state_fd, EVENTS_DIRECTORY, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(place->state_fd, EVENTS_DIRECTORY,
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -ENOTDIR : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid())
		return -EPERM;
	if ((status.st_mode & 077) != 0)
		return -EACCES;
	close_fd(&place->dir_fd);
	place->dir = status;
	place->dir_fd = take_fd(&fd);
	return 0;
}

int place_init(struct place *ret, int state_fd) {
	CLEANUP(place_deinit) struct place place = PLACE_CLOSED;
	int error;

	place.state_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 0);
	if (place.state_fd < 0)
		return -errno;
	error = directory_open(&place);
	if (error < 0)
		return error;
	/* Where the system does not tell, a moved directory is not noticed. */
	if (platform_path_of(&place.path, place.state_fd) < 0)
		place.path = NULL;
	*ret = place;
	place = PLACE_CLOSED;
	return 0;
}

void place_deinit(struct place *place) {
	close_fd(&place->state_fd);
	close_fd(&place->dir_fd);
	free_pointer(&place->path);
}

static bool state_was_moved(const struct place *place) {
	CLEANUP(free_pointer) char *path = NULL;

	return place->path != NULL &&
	       (platform_path_of(&path, place->state_fd) < 0 || strcmp(path, place->path) != 0);
}

static bool still_has_a_name(const struct place *place) {
	struct stat status;

	return place->dir_fd >= 0 && fstat(place->dir_fd, &status) == 0 && status.st_nlink > 0;
}

/* Whether the name leads to the one that is held. 0: it does not; 1: it does. */
static int is_the_one(const struct place *place) {
	struct file_id there;
	int error = platform_file_id(&there, place->state_fd, EVENTS_DIRECTORY);

	if (error == -ENOENT)
		return 0;
	if (error < 0)
		return error;
	if (there.device == place->dir.st_dev)
		return place->dir_fd >= 0 && there.inode == place->dir.st_ino;
	return -EXDEV;
}

static const char *why(int error) {
	switch (error) {
	case -EXDEV: return "another file system was mounted over " EVENTS_DIRECTORY;
	case -ENOTDIR: return EVENTS_DIRECTORY " was replaced by a link or a file";
	case -EPERM:
	case -EACCES: return EVENTS_DIRECTORY " was replaced by a directory that is not private";
	default: return EVENTS_DIRECTORY " was taken away, and cannot be made anew";
	}
}

static void set_astray(struct place *place, const char *astray) {
	if (astray != place->astray)
		place->change = astray != NULL ? astray : "it is where it was before";
	place->astray = astray;
}

int place_look(struct place *place, bool *ret_anew) {
	int there = is_the_one(place);

	*ret_anew = false;
	if (there == 0) {
		there = directory_open(place);
		*ret_anew = there == 0;
		if (*ret_anew && place->astray == NULL)
			place->change = EVENTS_DIRECTORY
				" was moved, removed or replaced by another "
				"directory, and is a new one";
	}
	if (there < 0 && !still_has_a_name(place))
		return there;
	if (there < 0)
		set_astray(place, why(there));
	else if (place->covered)
		set_astray(place, COVERED);
	else
		set_astray(place, state_was_moved(place) ? MOVED : NULL);
	return 0;
}
