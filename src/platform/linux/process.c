/*
 * A process's facts. Everything is read below one descriptor of /proc/PID, so that it is all of one
 * process; what cannot be read is left unknown.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/argv.h"
#include "platform/linux/logind.h"
#include "platform/linux/subject.h"
#include "platform/program.h"

#define CMDLINE_SIZE 32768 /* the longest command line of git or ssh is a fraction of it */
#define TICK_US      10000 /* of the clock by which Linux tells when a process was started */
#define CGROUP_SIZE  8192  /* paths are below PATH_MAX, version 1 adds a dozen lines */

/* The dead have a number until their parent looks, and nothing else. */
static bool is_dead(char state) {
	return state == 'Z' || state == 'X' || state == 'x';
}

static char *text_of(struct bytes bytes) {
	return strndup((const char *)bytes.data, bytes.len);
}

/* Which file a name leads to, and by which mount: no two mount namespaces share one. */
static bool identify_file(struct statx *ret, int dir_fd, const char *name) {
	const unsigned needed = STATX_BASIC_STATS | STATX_MNT_ID;

	return statx(dir_fd, name, AT_STATX_SYNC_AS_STAT, needed, ret) == 0 &&
	       (ret->stx_mask & needed) == needed;
}

/* Whether the path names to us what is behind the link: a caller can make it lie by mounts of its
 * own, and another file can have taken the place since. */
static bool is_same_file(const struct statx *behind, const char *path) {
	struct statx ours;

	return identify_file(&ours, AT_FDCWD, path) &&
	       behind->stx_dev_major == ours.stx_dev_major &&
	       behind->stx_dev_minor == ours.stx_dev_minor && behind->stx_ino == ours.stx_ino &&
	       behind->stx_mnt_id == ours.stx_mnt_id;
}

/* In a user namespace of its own a process can have the link name any file (PR_SET_MM_MAP). */
static char *read_exe(struct subject *subject) {
	char path[PATH_MAX + 1];
	struct bytes link;

	if (!identify_file(&subject->exe, subject->dir_fd, "exe")) {
		subject->exe.stx_mask = 0;
		return NULL;
	}
	if (proc_link(&link, subject->dir_fd, "exe", path) < 0 || !proc_link_is_path(link))
		return NULL;
	if (namespaces_same_user(subject->view, subject->dir_fd) != TRI_YES ||
	    !is_same_file(&subject->exe, path))
		return NULL;
	return text_of(link);
}

/* The directory itself belongs to whom the process runs as, also where its files belong to root
 * because it is not dumpable (proc(5)). */
static bool is_foreign(const struct subject *subject) {
	struct stat status;

	return fstat(subject->dir_fd, &status) == 0 && status.st_uid != geteuid();
}

/* It stays open: opening is what costs. */
static int read_cmdline(struct bytes *ret, struct subject *subject, char *buffer, size_t size) {
	ssize_t len;

	if (subject->cmdline_fd < 0)
		subject->cmdline_fd = openat(subject->dir_fd, "cmdline",
		                             O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (subject->cmdline_fd < 0)
		return -errno;
	len = pread(subject->cmdline_fd, buffer, size, 0);
	if (len < 0)
		return -errno;
	*ret = (struct bytes){(const uint8_t *)buffer, (size_t)len};
	return 0;
}

static void read_argv(struct process *process, struct subject *subject) {
	char buffer[CMDLINE_SIZE];
	struct bytes text;

	if (read_cmdline(&text, subject, buffer, sizeof(buffer)) < 0)
		return;
	process->argv_cut = text.len == sizeof(buffer);
	text.len = proc_cmdline_keep(text, sizeof(buffer));
	/* Left unknown where memory is short. */
	if (argv_split(&process->argv, &process->argc, text) < 0)
		process->argv_cut = false;
}

int subject_open(struct subject **ret, const struct view *view, pid_t pid) {
	CLEANUP(close_fd) int dir_fd = -1;
	CLEANUP(close_fd) int stat_fd = -1;
	struct subject *subject;
	int error = proc_open(&dir_fd, pid);

	if (error < 0)
		return error;
	stat_fd = openat(dir_fd, "stat", O_RDONLY | O_CLOEXEC);
	if (stat_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	subject = malloc(sizeof(*subject));
	if (subject == NULL)
		return -ENOMEM;
	*subject = (struct subject){.view = view,
	                            .pid = pid,
	                            .dir_fd = take_fd(&dir_fd),
	                            .stat_fd = take_fd(&stat_fd),
	                            .cmdline_fd = -1};
	*ret = subject;
	return 0;
}

void subject_close(struct subject *subject) {
	if (subject == NULL)
		return;
	close_fd(&subject->dir_fd);
	close_fd(&subject->stat_fd);
	close_fd(&subject->cmdline_fd);
	free(subject);
}

/* Its title is a view into the subject, until the next read. */
static int read_stat(struct subject *subject) {
	ssize_t len = pread(subject->stat_fd, subject->text, sizeof(subject->text), 0);
	struct bytes text = {(const uint8_t *)subject->text, len > 0 ? (size_t)len : 0};
	int error;

	if (len < 0)
		return -errno;
	error = proc_stat_parse(&subject->stat, text);
	if (error < 0)
		return error;
	return is_dead(subject->stat.state) ? -ESRCH : 0;
}

static struct stat exe_file(const struct subject *subject) {
	return (struct stat){
		.st_dev = makedev(subject->exe.stx_dev_major, subject->exe.stx_dev_minor),
		.st_ino = subject->exe.stx_ino,
		.st_uid = subject->exe.stx_uid,
		.st_mode = subject->exe.stx_mode};
}

static int64_t stamp_ns(const struct statx_timestamp *stamp) {
	return stamp->tv_sec * 1000000000 + stamp->tv_nsec;
}

static struct file_state file_state_of(const struct statx *file) {
	return (struct file_state){
		.device = makedev(file->stx_dev_major, file->stx_dev_minor),
		.inode = file->stx_ino,
		.size = file->stx_size,
		.modified_ns = stamp_ns(&file->stx_mtime),
		.changed_ns = stamp_ns(&file->stx_ctime),
	};
}

int platform_file_state(struct file_state *ret, int fd) {
	struct statx file;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &file) < 0)
		return -errno;
	*ret = file_state_of(&file);
	return 0;
}

/* Since the machine was started, or 0 where the system tells no unit. */
static uint64_t ticks_us(uint64_t ticks) {
	long ticks_per_second = sysconf(_SC_CLK_TCK);
	uint64_t second = ticks_per_second > 0 ? (uint64_t)ticks_per_second : 0;

	if (second == 0 || ticks / second > INT64_MAX / 2000000)
		return 0;
	return ticks / second * 1000000 + ticks % second * 1000000 / second;
}

static int64_t clock_us(clockid_t clock) {
	struct timespec now;

	return clock_gettime(clock, &now) < 0 ? -1
	                                      : (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* By what the clock says now: when the machine was started is not told any better. To a tick. */
static int64_t started_us(uint64_t start_ticks) {
	int64_t real = clock_us(CLOCK_REALTIME), boot = clock_us(CLOCK_BOOTTIME);
	int64_t started = real - boot + (int64_t)ticks_us(start_ticks);

	if (real < 0 || boot < 0 || start_ticks == 0 || started < 0)
		return 0;
	return started - started % TICK_US;
}

int subject_process(struct process *ret, pid_t *ret_parent, struct subject *subject) {
	struct process process = {.pid = subject->pid};
	int error = read_stat(subject);

	if (error < 0)
		return error;
	process.start_ticks = subject->stat.start_ticks;
	process.started_us = started_us(subject->stat.start_ticks);
	process.title = text_of(subject->stat.title);
	process.exe = read_exe(subject);
	process.foreign = process.exe == NULL && is_foreign(subject);
	read_argv(&process, subject);
	if (process.exe != NULL) {
		const struct stat file = exe_file(subject);

		process.name = program_name(&(struct program){
			process.exe, &file, process.argc > 0 ? process.argv[0] : NULL});
	}
	*ret = process;
	*ret_parent = subject->stat.parent;
	return 0;
}

static bool exe_is(int dir_fd, const char *exe) {
	char path[PATH_MAX + 1];
	struct bytes link;

	return proc_link(&link, dir_fd, "exe", path) == 0 && bytes_equal_text(link, exe);
}

static bool is_same_image(const struct proc_stat *before, const struct proc_stat *now) {
	return before->start_ticks == now->start_ticks &&
	       memcmp(before->addresses, now->addresses, sizeof(now->addresses)) == 0;
}

/* The same file, and still what we see at its path. */
static bool is_same_exe(const struct statx *before, const struct subject *subject,
                        const struct process *process) {
	struct statx now;

	if (!identify_file(&now, subject->dir_fd, "exe"))
		return before->stx_mask == 0 && is_foreign(subject) == process->foreign;
	return before->stx_mask != 0 && now.stx_dev_major == before->stx_dev_major &&
	       now.stx_dev_minor == before->stx_dev_minor && now.stx_ino == before->stx_ino &&
	       now.stx_mnt_id == before->stx_mnt_id &&
	       (process->exe == NULL || is_same_file(&now, process->exe));
}

static bool is_same_argv(const struct process *process, struct bytes text) {
	for (size_t i = 0; i < process->argc; i++) {
		size_t len = strlen(process->argv[i]);

		if (text.len < len || memcmp(text.data, process->argv[i], len) != 0)
			return false;
		len += text.len > len; /* the NUL, which the last one may lack */
		text = (struct bytes){text.data + len, text.len - len};
	}
	return text.len == 0;
}

bool subject_unchanged(pid_t *ret_parent, struct subject *subject, const struct process *process) {
	struct proc_stat before = subject->stat;
	char buffer[CMDLINE_SIZE];
	struct bytes text;

	/* An exe that is not known, such as one that was deleted, stays unknown. */
	if (process->title == NULL || process->argv == NULL || process->argv_cut ||
	    read_stat(subject) < 0 || !is_same_image(&before, &subject->stat) ||
	    !bytes_equal_text(subject->stat.title, process->title) ||
	    !is_same_exe(&subject->exe, subject, process) ||
	    read_cmdline(&text, subject, buffer, sizeof(buffer)) < 0 ||
	    text.len == sizeof(buffer) || !is_same_argv(process, text))
		return false;
	*ret_parent = subject->stat.parent;
	return true;
}

int subject_again(pid_t *ret_parent, struct subject *subject, const struct process *process) {
	int error = read_stat(subject);

	if (error < 0)
		return error;
	if (subject->stat.start_ticks != process->start_ticks)
		return -ESRCH;
	if (process->exe != NULL && !exe_is(subject->dir_fd, process->exe))
		return -ESTALE;
	*ret_parent = subject->stat.parent;
	return 0;
}

static uint64_t age_ms(uint64_t start_ticks) {
	int64_t now = clock_us(CLOCK_BOOTTIME);
	uint64_t started = ticks_us(start_ticks);

	return now > 0 && (uint64_t)now > started ? ((uint64_t)now - started) / 1000 : 0;
}

/* A path from another mount namespace would name another directory here. */
static char *read_cwd(const struct caller *caller, const struct subject *subject) {
	char path[PATH_MAX + 1];
	struct bytes link;

	if (((caller->apart | caller->apart_unknown) & APART_MNT) != 0 ||
	    proc_link(&link, subject->dir_fd, "cwd", path) < 0 || !proc_link_is_path(link))
		return NULL;
	return text_of(link);
}

static char *read_cgroup(const struct subject *subject) {
	char buffer[CGROUP_SIZE];
	struct bytes text, path;

	if (proc_read(&text, subject->dir_fd, "cgroup", buffer, sizeof(buffer)) < 0 ||
	    text.len == sizeof(buffer) || proc_cgroup_parse(&path, text) < 0)
		return NULL;
	return text_of(path);
}

/* Who owns a file can make it writable. */
static bool is_writable(uid_t owner, unsigned mode) {
	return owner != 0 || (mode & 022) != 0;
}

static enum tri is_exe_writable(const struct subject *subject, const char *exe) {
	char directory[PATH_MAX + 1];
	struct bytes name;
	struct stat status;

	if (exe == NULL)
		return TRI_UNKNOWN;
	name = proc_base_name(bytes_of_text(exe));
	snprintf(directory, sizeof(directory), "%.*s", (int)(strlen(exe) - name.len), exe);
	if (stat(directory, &status) < 0)
		return TRI_UNKNOWN;
	return is_writable(status.st_uid, status.st_mode) ||
	                       is_writable(subject->exe.stx_uid, subject->exe.stx_mode)
	               ? TRI_YES
	               : TRI_NO;
}

static enum tri is_traced(const struct subject *subject) {
	struct proc_status status;

	if (proc_read_status(&status, subject->dir_fd) < 0)
		return TRI_UNKNOWN;
	return status.tracer != 0 ? TRI_YES : TRI_NO;
}

static enum tri is_exe_deleted(const struct subject *subject) {
	if (subject->exe.stx_mask == 0)
		return TRI_UNKNOWN;
	return subject->exe.stx_nlink == 0 ? TRI_YES : TRI_NO;
}

static void mark(struct caller *caller, enum integrity integrity, enum tri holds) {
	if (holds == TRI_YES)
		caller->integrity |= integrity;
	if (holds == TRI_UNKNOWN)
		caller->integrity_unknown |= integrity;
}

void subject_caller_facts(struct caller *caller, struct subject *subject) {
	if (caller->process.exe != NULL)
		caller->exe_id = file_state_of(&subject->exe);
	caller->has_terminal = subject->stat.tty != 0 ? TRI_YES : TRI_NO;
	caller->terminal = (unsigned)subject->stat.tty;
	caller->age_ms = age_ms(subject->stat.start_ticks);
	namespaces_compare(&caller->apart, &caller->apart_unknown, subject->view, subject->dir_fd);
	caller->cwd = read_cwd(caller, subject);
	caller->cgroup = read_cgroup(subject);
	mark(caller, INTEGRITY_TRACED, is_traced(subject));
	mark(caller, INTEGRITY_DELETED_EXE, is_exe_deleted(subject));
	mark(caller, INTEGRITY_WRITABLE_EXE, is_exe_writable(subject, caller->process.exe));
}

enum presence subject_login_presence(const struct subject *subject, const struct caller *caller) {
	const uid_t root = 0;

	(void)subject;
	return caller->cgroup != NULL
	               ? logind_presence(LOGIND_DIRECTORY, root, caller->cgroup, caller->uid)
	               : PRESENCE_UNKNOWN;
}

enum tri subject_argv_mismatch(const struct subject *subject, const struct caller *caller,
                               const struct bytes *path) {
	const struct process *process = &caller->process;
	const struct stat file = exe_file(subject);
	const struct program program = {process->exe, &file,
	                                process->argc > 0 ? process->argv[0] : NULL};
	struct program_search search = {.cwd = caller->cwd, .has_path = path != NULL};

	if (process->exe == NULL || process->argv == NULL)
		return TRI_UNKNOWN;
	if (path != NULL)
		search.path = *path;
	return program_argv_mismatch(&program, &search);
}

/* The kernel gives nothing of one that has no memory, or whose memory is not filled yet; then it
 * gives no arguments either, of which every program has one (Linux 5.18). */
static bool has_arguments(const struct subject *subject) {
	char first;
	struct bytes text;

	return proc_read(&text, subject->dir_fd, "cmdline", &first, sizeof(first)) == 0 &&
	       text.len > 0;
}

int subject_environ(struct bytes *ret, struct subject *subject, void *buffer, size_t size) {
	struct bytes texts;
	int error = proc_read(&texts, subject->dir_fd, "environ", buffer, size);

	if (error < 0)
		return error;
	if (texts.len == size)
		return -E2BIG;
	if (texts.len == 0 && !has_arguments(subject))
		return -ESRCH;
	*ret = texts;
	return 0;
}

enum tri subject_same_namespaces(struct subject *subject) {
	enum tri same = namespaces_same_pid(subject->view, subject->dir_fd);

	return same == TRI_YES ? namespaces_same_user(subject->view, subject->dir_fd) : same;
}

int platform_process_watch(int *ret_fd, pid_t pid) {
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return errno == EINVAL ? -ESRCH : -errno; /* a thread is no process */
	*ret_fd = fd;
	return 0;
}

bool platform_process_lives(int watch_fd) {
	struct pollfd ended = {.fd = watch_fd, .events = POLLIN};
	int n;

	do {
		n = poll(&ended, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n == 0;
}

int platform_peer_of(struct peer *ret, pid_t pid) {
	const size_t effective = 1; /* what a socket would tell */
	CLEANUP(close_fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CLEANUP(close_fd) int dir_fd = -1;
	struct proc_status status;
	int error = pidfd < 0 ? -errno : proc_open(&dir_fd, pid);

	if (error == 0)
		error = proc_read_status(&status, dir_fd);
	if (error < 0)
		return error == -EINVAL ? -ESRCH : error; /* a thread is no process */
	*ret = (struct peer){.known = true,
	                     .pid = pid,
	                     .uid = status.uids[effective],
	                     .gid = (gid_t)-1,
	                     .pidfd = take_fd(&pidfd)};
	return 0;
}

int platform_start_ticks(uint64_t *ret, pid_t pid) {
	struct subject *subject;
	int error = subject_open(&subject, NULL, pid);

	if (error < 0)
		return error;
	error = read_stat(subject);
	if (error == 0)
		*ret = subject->stat.start_ticks;
	subject_close(subject);
	return error;
}
