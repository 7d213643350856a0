#include "sandbox/same.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/inside.h"

void same_put(struct words *words, const struct file_id *id, const char *path) {
	words_add(words, INSIDE_SAME);
	words_addf(words, "%llx:%llx", (unsigned long long)id->device,
	           (unsigned long long)id->inode);
	words_add(words, path);
}

static int identify(struct file_id *ret, int fd, const char *name) {
	const struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
	                             .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	CLEANUP(close_fd) int found = (int)syscall(SYS_openat2, fd, name, &how, sizeof(how));
	struct stat status;

	if (found < 0 || fstat(found, &status) < 0)
		return -errno;
	if (S_ISLNK(status.st_mode))
		return -ELOOP;
	*ret = (struct file_id){status.st_dev, status.st_ino};
	return 0;
}

static bool is_mount_of_itself(const struct words *words, size_t at) {
	return (strcmp(words->items[at], "--bind") == 0 ||
	        strcmp(words->items[at], "--ro-bind") == 0) &&
	       strcmp(words->items[at + 1], words->items[at + 2]) == 0;
}

int same_put_below(struct words *words, size_t count, const char *directory, int fd) {
	const size_t len = strlen(directory);

	for (size_t i = 0; i + 2 < count; i++) {
		const char *path = words->items[i + 1];
		struct file_id id;
		int error;

		if (!is_mount_of_itself(words, i) || strncmp(path, directory, len) != 0 ||
		    path[len] != '/')
			continue;
		error = identify(&id, fd, path + len + 1);
		if (error < 0)
			return error;
		same_put(words, &id, path);
	}
	return words->error;
}
