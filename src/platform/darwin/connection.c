/*
 * Who holds the other end of our connection, and how: what linux/connection.c is for. The kernel
 * tells of a process's every socket by a number for it, and by that of the socket at its other end.
 */
#include <errno.h>
#include <libproc.h>
#include <stdlib.h>

#include "platform/darwin/subject.h"

#define DESCRIPTORS_MAX 4096 /* a browser's; a caller with more is not searched */

/* What is at the other end is always told by a number that is not 0. */
static enum tri search(pid_t pid, const struct proc_fdinfo *descriptors, size_t count,
                       uint64_t wanted) {
	enum tri held = TRI_NO;

	for (size_t i = 0; i < count; i++) {
		struct darwin_socket socket;
		int error;

		if (descriptors[i].proc_fdtype != PROX_FDTYPE_SOCKET)
			continue;
		error = lookup_socket(&socket, pid, descriptors[i].proc_fd);
		/* What it closes meanwhile it does not hold. */
		if (error == -ENOTSOCK || error == -EBADF)
			continue;
		if (error < 0)
			return TRI_UNKNOWN;
		if (socket.own != wanted)
			continue;
		if (!socket.close_on_exec)
			return TRI_NO;
		held = TRI_YES;
	}
	return held;
}

enum tri subject_holds_connection(struct subject *subject, struct connection_id connection) {
	const size_t size = DESCRIPTORS_MAX * sizeof(struct proc_fdinfo);
	CLEANUP(free_pointer) struct proc_fdinfo *descriptors = malloc(size);
	int len;

	if (connection.inode == 0 || descriptors == NULL)
		return TRI_UNKNOWN;
	len = proc_pidinfo(subject->pid, PROC_PIDLISTFDS, 0, descriptors, (int)size);
	if (len <= 0 || (size_t)len >= size)
		return TRI_UNKNOWN;
	return search(subject->pid, descriptors, (size_t)len / sizeof(*descriptors),
	              connection.cookie);
}
