/* What the guard asks of the system for itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/platform.h"

static uint64_t clock_ns(clockid_t clock) {
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t platform_slept_ns(void) {
	uint64_t awake_ns = clock_ns(CLOCK_MONOTONIC), all_ns = clock_ns(CLOCK_BOOTTIME);

	/* In a time namespace the one may be ahead of the other. */
	return all_ns > awake_ns ? all_ns - awake_ns : 0;
}

int platform_runtime_directory(char **ret) {
	const char *given = getenv("XDG_RUNTIME_DIR");
	char path[64];
	struct stat status;

	if (given == NULL || given[0] != '/') {
		snprintf(path, sizeof(path), "/run/user/%lu", (unsigned long)geteuid());
		if (stat(path, &status) < 0)
			snprintf(path, sizeof(path), "/tmp/ssh-agent-guard-%lu",
			         (unsigned long)geteuid());
		given = path;
	}
	*ret = strdup(given);
	return *ret != NULL ? 0 : -ENOMEM;
}

#define MEMORY_FILE "/memfd:"

enum tri platform_runs_our_program(const struct peer *peer) {
	struct stat theirs, ours;
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)peer->pid);
	if (stat(path, &theirs) < 0 || readlink(path, target, sizeof(target) - 1) < 0)
		return errno == EACCES ? TRI_UNKNOWN : TRI_NO;
	/* A copy of a file; of which one, it does not say. */
	if (strncmp(target, MEMORY_FILE, strlen(MEMORY_FILE)) == 0)
		return TRI_UNKNOWN;
	if (stat("/proc/self/exe", &ours) < 0)
		return TRI_UNKNOWN;
	return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino &&
	                       platform_peer_alive(peer)
	               ? TRI_YES
	               : TRI_NO;
}

int platform_own_program(char **ret) {
	char path[PATH_MAX];
	const char *told = getenv(PLATFORM_TOLD_PROGRAM);
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len < 0)
		return -errno;
	path[len] = '\0';
	*ret = strdup(strncmp(path, MEMORY_FILE, strlen(MEMORY_FILE)) == 0 && told != NULL ? told
	                                                                                   : path);
	return *ret != NULL ? 0 : -ENOMEM;
}

int platform_die_with_parent(pid_t parent) {
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* It may have died before, and then nobody sends the signal. */
	return getppid() == parent ? 0 : -ESRCH;
}

bool platform_signal_was_sent(int number, const siginfo_t *info) {
	(void)number;
	return info->si_code <= 0;
}

/* With sigqueue() the sender writes both by himself, and the kernel only keeps him from saying that
 * it was kill(). */
pid_t platform_signal_sender(uid_t *ret_user, const siginfo_t *info) {
	if (info->si_code != SI_USER && info->si_code != SI_TKILL)
		return 0;
	*ret_user = info->si_uid;
	return info->si_pid;
}

int platform_close_from(int first_fd) {
	return close_range((unsigned)first_fd, UINT_MAX, 0) < 0 ? -errno : 0;
}

int platform_flush(int fd) {
	return fdatasync(fd) < 0 ? -errno : 0;
}

int platform_unnamed_file(int *ret_fd, int dir_fd) {
	int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int platform_name_file(int fd, int dir_fd, const char *name) {
	char path[sizeof("/proc/self/fd/-2147483648")];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

void platform_leave_out_of_dumps(void *memory, size_t size) {
	madvise(memory, size, MADV_DONTDUMP);
}

void platform_leave_to_children(void *memory, size_t size, bool leave) {
	madvise(memory, size, leave ? MADV_KEEPONFORK : MADV_WIPEONFORK);
}

bool platform_is_installed_closed(void) {
	struct stat status;

	/* AT_SECURE stays when the group is given back; other things set it, too. */
	return getauxval(AT_SECURE) != 0 && stat("/proc/self/exe", &status) == 0 &&
	       status.st_uid == 0 && (status.st_mode & S_ISGID) != 0 && (status.st_mode & 022) == 0;
}

int platform_leave_group(void) {
	gid_t own = getgid();

	return setresgid(own, own, own) < 0 ? -errno : 0;
}

void platform_be_open(void) {
	prctl(PR_SET_DUMPABLE, 1);
}

int platform_harden_process(void) {
	const struct rlimit none = {0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

pid_t platform_tracer(void) {
	CLEANUP(close_fd) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	static const char key[] = "\nTracerPid:";
	char text[4096];
	ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	const char *line;

	if (len < 0)
		return 0;
	text[len] = '\0';
	line = strstr(text, key);
	return line != NULL ? (pid_t)strtol(line + strlen(key), NULL, 10) : 0;
}
