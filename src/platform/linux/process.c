/* What proc(5) knows of a process. Every read here can hang (design, fact 13). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/linux/proc_text.h"
#include "platform/platform.h"

#define STAT_LEN_MAX   2048 /* 52 numbers and a comm of 64 bytes at most */
#define CGROUP_LEN_MAX 4096

/* The directory stands for this process: once it is gone, its PID's next owner cannot be read by
 * it. */
static int process_open(pid_t pid) {
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

/* Reads at most size bytes. */
static int read_file(int dir_fd, const char *name, void *data, size_t size, size_t *ret_len) {
	CLEANUP(close_fd) int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len < size) {
		ssize_t got = read(fd, (char *)data + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return 0;
}

static int read_stat(struct proc_stat *ret, int dir_fd) {
	char text[STAT_LEN_MAX];
	size_t len;
	int error = read_file(dir_fd, "stat", text, sizeof(text), &len);

	return error < 0 ? error : proc_stat_parse(ret, (struct bytes){(uint8_t *)text, len});
}

/* NULL where it cannot be read, or is longer than any path. */
static char *read_link(int dir_fd, const char *name) {
	char path[PATH_MAX];
	ssize_t len = readlinkat(dir_fd, name, path, sizeof(path));

	return len > 0 && len < (ssize_t)sizeof(path) ? strndup(path, (size_t)len) : NULL;
}

static enum tri same_namespace(int dir_fd, const char *name) {
	char own[64];
	struct stat theirs, ours;

	snprintf(own, sizeof(own), "/proc/self/%s", name);
	if (fstatat(dir_fd, name, &theirs, 0) < 0 || stat(own, &ours) < 0)
		return TRI_UNKNOWN;
	return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino ? TRI_YES : TRI_NO;
}

/* The link's text is a name in another's world, or one that was forged (fact 13). It counts where
 * the file behind it is what we, too, find by that name. */
static void read_exe(struct process *process, int dir_fd) {
	CLEANUP(free_pointer) char *path = read_link(dir_fd, "exe");
	struct stat behind, named;
	const char *slash;

	if (path == NULL || path[0] != '/' || same_namespace(dir_fd, "ns/mnt") != TRI_YES ||
	    same_namespace(dir_fd, "ns/user") != TRI_YES)
		return;
	if (fstatat(dir_fd, "exe", &behind, 0) < 0 || stat(path, &named) < 0 ||
	    behind.st_dev != named.st_dev || behind.st_ino != named.st_ino)
		return;
	slash = strrchr(path, '/');
	process->name = strdup(slash + 1);
	if (process->name != NULL)
		process->exe = TAKE(path);
}

static void read_title(struct process *process, int dir_fd) {
	char title[64];
	size_t len;

	if (read_file(dir_fd, "comm", title, sizeof(title), &len) < 0 || len == 0)
		return;
	process->title = strndup(title, title[len - 1] == '\n' ? len - 1 : len);
}

static void read_argv(struct process *process, int dir_fd, size_t len_max) {
	CLEANUP(free_pointer) char *text = malloc(len_max);
	size_t len;
	int error;

	if (text == NULL || read_file(dir_fd, "cmdline", text, len_max, &len) < 0)
		return;
	error = proc_argv_parse(process, (struct bytes){(uint8_t *)text, len});
	if (len == len_max || error < 0)
		process->argv_cut = true;
}

int platform_process(struct process *ret, pid_t *ret_parent, pid_t pid, size_t argv_len_max) {
	CLEANUP(close_fd) int dir_fd = process_open(pid);
	struct proc_stat stat;
	int error;

	if (dir_fd < 0)
		return take_fd(&dir_fd);
	error = read_stat(&stat, dir_fd);
	if (error < 0)
		return error;
	if (stat.state == 'Z' || stat.state == 'X')
		return -ESRCH; /* the dead keep their PID until their parent looks, and nothing else
				*/
	*ret = (struct process){.pid = pid, .start_ticks = stat.start_ticks};
	*ret_parent = stat.parent;
	read_exe(ret, dir_fd);
	read_title(ret, dir_fd);
	read_argv(ret, dir_fd, argv_len_max);
	return 0;
}

static uint64_t age_ms(uint64_t start_ticks) {
	struct timespec now;
	uint64_t now_ms, start_ms = start_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_BOOTTIME, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	return now_ms > start_ms ? now_ms - start_ms : 0;
}

void platform_caller_facts(struct caller *caller) {
	CLEANUP(close_fd) int dir_fd = process_open(caller->process.pid);
	char text[CGROUP_LEN_MAX];
	struct proc_stat stat;
	struct bytes cgroup;
	size_t len;

	if (dir_fd < 0)
		return;
	if (read_stat(&stat, dir_fd) == 0) {
		caller->has_terminal = stat.terminal != 0 ? TRI_YES : TRI_NO;
		caller->age_ms = age_ms(stat.start_ticks);
	}
	/* A path from another mount namespace would name another directory here. */
	if (same_namespace(dir_fd, "ns/mnt") == TRI_YES)
		caller->cwd = read_link(dir_fd, "cwd");
	if (read_file(dir_fd, "cgroup", text, sizeof(text), &len) < 0)
		return;
	cgroup = proc_cgroup_parse((struct bytes){(uint8_t *)text, len});
	if (cgroup.len > 0)
		caller->cgroup = strndup((const char *)cgroup.data, cgroup.len);
}

int platform_start_ticks(uint64_t *ret, pid_t pid) {
	CLEANUP(close_fd) int dir_fd = process_open(pid);
	struct proc_stat stat;
	int error = dir_fd < 0 ? dir_fd : read_stat(&stat, dir_fd);

	if (error == 0)
		*ret = stat.start_ticks;
	return error;
}

enum tri platform_same_namespaces(const struct peer *peer) {
	CLEANUP(close_fd) int dir_fd = process_open(peer->pid);
	enum tri user, pid;

	if (dir_fd < 0)
		return TRI_UNKNOWN;
	user = same_namespace(dir_fd, "ns/user");
	pid = same_namespace(dir_fd, "ns/pid");
	if (user == TRI_NO || pid == TRI_NO)
		return TRI_NO;
	return user == TRI_YES && pid == TRI_YES ? TRI_YES : TRI_UNKNOWN;
}

bool platform_is_runnable(pid_t child) {
	CLEANUP(close_fd) int dir_fd = process_open(child);
	struct proc_stat stat;

	return dir_fd >= 0 && read_stat(&stat, dir_fd) == 0 && stat.state == 'R';
}
