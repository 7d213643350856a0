/* What the guard asks of the system for itself. */
#include <errno.h>
#include <fcntl.h>
#include <mach/vm_inherit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/child.h"
#include "platform/darwin/lookup.h"
#include "platform/platform.h"

/* Of sys/ptrace.h. */
#define DENY_ATTACH 31
int ptrace(int request, pid_t pid, char *address, int data);

/* The system gives each user one of its own, and removes from it what was not used for days: but no
 * socket on which somebody listens. */
int platform_runtime_directory(char **ret) {
	const char *given = getenv("TMPDIR");
	char path[MAXPATHLEN];
	size_t len;

	if (given == NULL || given[0] != '/') {
		len = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof(path));
		if (len == 0 || len > sizeof(path))
			return -ENOENT;
		given = path;
	}
	*ret = strdup(given);
	if (*ret == NULL)
		return -ENOMEM;
	for (len = strlen(*ret); len > 1 && (*ret)[len - 1] == '/'; len--)
		(*ret)[len - 1] = '\0';
	return 0;
}

uint64_t platform_slept_ns(void) {
	uint64_t awake_ns = clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
	uint64_t all_ns = clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW);

	return all_ns > awake_ns ? all_ns - awake_ns : 0;
}

/* It names terminals, and does not number them for us. */
int platform_terminal_open(int *ret_fd, unsigned terminal) {
	(void)ret_fd, (void)terminal;
	return -ENOSYS;
}

enum tri platform_runs_our_program(const struct peer *peer) {
	char path[MAXPATHLEN];
	struct stat theirs, ours;
	int error = lookup_executable(path, peer->pid);

	if (error < 0)
		return error == -EPERM || error == -EACCES ? TRI_UNKNOWN : TRI_NO;
	if (stat(path, &theirs) < 0)
		return TRI_NO;
	if (lookup_executable(path, getpid()) < 0 || stat(path, &ours) < 0)
		return TRI_UNKNOWN;
	return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino &&
	                       platform_peer_alive(peer)
	               ? TRI_YES
	               : TRI_NO;
}

int platform_own_program(char **ret) {
	char path[MAXPATHLEN];
	int error = lookup_executable(path, getpid());

	if (error < 0)
		return error;
	*ret = strdup(path);
	return *ret != NULL ? 0 : -ENOMEM;
}

/* A dump is the whole process, or none; see platform_harden_process(). */
void platform_leave_out_of_dumps(void *memory, size_t size) {
	(void)memory, (void)size;
}

void platform_leave_to_children(void *memory, size_t size, bool leave) {
	minherit(memory, size, leave ? VM_INHERIT_COPY : VM_INHERIT_NONE);
}

int platform_harden_process(void) {
	const struct rlimit none = {0};

	/* Whoever traces us already sees us end here. */
	if (ptrace(DENY_ATTACH, 0, NULL, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

/* No such install is offered here. */
bool platform_is_installed_closed(void) {
	return false;
}

int platform_leave_group(void) {
	return 0;
}

void platform_be_open(void) {}

/* It counts all processes of the user, so that none at all is always too many. Root is not bound
 * by it. */
int platform_forbid_children(void) {
	const struct rlimit none = {0};

	if (geteuid() == 0)
		return -ENOTSUP;
	return setrlimit(RLIMIT_NPROC, &none) < 0 ? -errno : 0;
}

/* A profile of sandbox_init() would do it, which Apple calls deprecated, and it needs to be tried. */
int platform_forbid_calls(void) {
	return -ENOSYS;
}

int child_limit(unsigned limits) {
	(void)limits;
	return 0;
}

/* Of a traced process its tracer is the parent. */
pid_t platform_tracer(void) {
	struct darwin_process self;

	return lookup_process(&self, getpid()) == 0 && self.traced ? self.parent : 0;
}

/* Only root, and what Apple signs for, gets hold of another process at all. */
int platform_try_to_take(struct keeping *ret, pid_t pid) {
	(void)ret, (void)pid;
	return -ENOSYS;
}

int platform_child_called(pid_t *ret, pid_t parent, const char *name) {
	(void)ret, (void)parent, (void)name;
	return -ENOSYS;
}
