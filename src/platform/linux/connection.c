/*
 * Who holds the other end of our connection, and how.
 *
 * A process that writes a request and then executes an allowed program keeps its PID, and the
 * kernel's word "PID 4117 wrote this" is then said of the wrong image. What the new image cannot
 * have is the connection in a descriptor that is close-on-exec: an exec closes those. So a writer
 * whose every descriptor of the connection is close-on-exec is the image that wrote, or at least
 * one that took the connection on of its own will.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>

#include "platform/linux/far_end.h"
#include "platform/linux/subject.h"

#define DESCRIPTORS_MAX 4096 /* a browser's; a caller with more is not searched */
#define FDINFO_SIZE     512
#define ENTRIES_SIZE    4096 /* some 150 descriptors at a time */

static enum tri is_close_on_exec(int dir_fd, const char *number) {
	char path[sizeof("fdinfo/") + NAME_MAX], buffer[FDINFO_SIZE];
	struct bytes text;
	bool cloexec;

	snprintf(path, sizeof(path), "fdinfo/%s", number);
	if (proc_read(&text, dir_fd, path, buffer, sizeof(buffer)) < 0 ||
	    proc_fdinfo_parse(&cloexec, text) < 0)
		return TRI_UNKNOWN;
	return cloexec ? TRI_YES : TRI_NO;
}

/* One of its descriptors: whether it is the connection, and close-on-exec. */
enum found { FOUND_OTHER, FOUND_CLOSED_BY_EXEC, FOUND_KEPT_BY_EXEC, FOUND_UNKNOWN };

static enum found look_at(const struct subject *subject, int fd_dir, const char *number,
                          uint32_t inode) {
	char buffer[PATH_MAX + 1];
	struct bytes link;

	/* What it closes meanwhile it does not hold. */
	if (number[0] == '.' || proc_link(&link, fd_dir, number, buffer) < 0 ||
	    proc_socket_inode(link) != inode)
		return FOUND_OTHER;
	switch (is_close_on_exec(subject->dir_fd, number)) {
	case TRI_YES: return FOUND_CLOSED_BY_EXEC;
	case TRI_NO: return FOUND_KEPT_BY_EXEC;
	case TRI_UNKNOWN: break;
	}
	return FOUND_UNKNOWN;
}

/* readdir() would look at the directory first, and take 32 KiB from the heap for its entries. */
static enum tri search(const struct subject *subject, int fd_dir, uint32_t inode) {
	alignas(struct dirent64) char entries[ENTRIES_SIZE];
	enum tri held = TRI_NO;
	size_t n = 0;

	for (;;) {
		ssize_t len = getdents64(fd_dir, entries, sizeof(entries));

		if (len <= 0)
			return len == 0 ? held : TRI_UNKNOWN;
		for (ssize_t at = 0; at < len; n++) {
			const struct dirent64 *entry = (const void *)(entries + at);

			at += entry->d_reclen;
			if (n == DESCRIPTORS_MAX)
				return TRI_UNKNOWN;
			switch (look_at(subject, fd_dir, entry->d_name, inode)) {
			case FOUND_OTHER: continue;
			case FOUND_CLOSED_BY_EXEC: held = TRI_YES; continue;
			case FOUND_KEPT_BY_EXEC: return TRI_NO;
			case FOUND_UNKNOWN: return TRI_UNKNOWN;
			}
		}
	}
}

enum tri subject_holds_connection(struct subject *subject, struct connection_id connection) {
	CLEANUP(close_fd) int fd = -1;
	uint32_t inode = far_end_inode(subject->view->far_ends, connection);

	if (inode == 0)
		return TRI_UNKNOWN;
	fd = openat(subject->dir_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? TRI_UNKNOWN : search(subject, fd, inode);
}
