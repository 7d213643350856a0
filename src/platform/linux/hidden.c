/*
 * A directory without a name: a tmpfs that is mounted nowhere, so that only who holds its
 * descriptor can get at what is in it (design, fact 2).
 *
 * To mount anything takes a user namespace. Its maps can be written only by a process that
 * may be traced, and whoever traces one gets hold of all that it holds. So two children share the
 * work: one makes the namespace, holds nothing, and is gone at the end; the other one joins it,
 * has never been traceable, because it never executes anything, and makes the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"

#define CHANNEL_FD          3
#define PATIENCE_S          2 /* with a child that takes a millisecond on an idle machine */
#define INITIAL_USER_NS_INO 0xEFFFFFFDU /* PROC_USER_INIT_INO of the kernel */

/* What stays open in a child: its end of the channel, and nothing of ours. */
static int keep_only(int fd) {
	if (fd != CHANNEL_FD && dup2(fd, CHANNEL_FD) < 0)
		return -errno;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	return platform_close_from(CHANNEL_FD + 1);
}

static int write_file(const char *path, const char *text) {
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	return write(fd, text, len) == (ssize_t)len ? 0 : -EIO;
}

static int write_map(const char *path, unsigned id) {
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1\n", id, id);
	return write_file(path, line);
}

/* Lends its user namespace until the channel ends. */
static _Noreturn void lender_run(int fd, pid_t parent) {
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char byte = 0;

	if (platform_die_with_parent(parent) < 0 || keep_only(fd) < 0 || unshare(CLONE_NEWUSER) < 0)
		_exit(1);
	/* From here on it may be traced, and holds nothing but an empty namespace. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || write_file("/proc/self/setgroups", "deny") < 0 ||
	    write_map("/proc/self/uid_map", uid) < 0 || write_map("/proc/self/gid_map", gid) < 0 ||
	    write(CHANNEL_FD, &byte, 1) != 1)
		_exit(1);
	while (read(CHANNEL_FD, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int join_user_namespace(pid_t lender) {
	char path[64];
	CLEANUP(close_fd) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)lender);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || setns(fd, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0 ? -errno : 0;
}

static int make_tmpfs(void) {
	CLEANUP(close_fd) int context = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
	    fsconfig(context, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 ||
	    fsconfig(context, FSCONFIG_SET_STRING, "nr_inodes", "16", 0) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return fsmount(context, FSMOUNT_CLOEXEC,
	               MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* Room for one descriptor beside one byte. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(int socket_fd, int fd) {
	char byte = 0;
	struct iovec part = {&byte, 1};
	union control control = {0};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};

	control.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int receive_descriptor(int *ret_fd, int socket_fd) {
	char byte;
	struct iovec part = {&byte, 1};
	union control control = {0};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	ssize_t len;

	do {
		len = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len != 1 || message.msg_controllen < CMSG_LEN(sizeof(int)) ||
	    control.header.cmsg_level != SOL_SOCKET || control.header.cmsg_type != SCM_RIGHTS)
		return -EPERM;
	memcpy(ret_fd, CMSG_DATA(&control.header), sizeof(*ret_fd));
	return 0;
}

static _Noreturn void maker_run(int fd, pid_t parent, pid_t lender) {
	int directory;

	if (platform_die_with_parent(parent) < 0 || keep_only(fd) < 0 ||
	    join_user_namespace(lender) < 0)
		_exit(1);
	directory = make_tmpfs();
	_exit(directory >= 0 && send_descriptor(CHANNEL_FD, directory) == 0 ? 0 : 1);
}

/* One of the two children; *ret_fd is our end of its channel. lender 0: it is the lender. */
static int child_start(pid_t *ret, int *ret_fd, pid_t lender) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int pair[2];
	pid_t parent = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	/* Whoever traces or stops the lender must not stop us. */
	if (setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (lender == 0)
			lender_run(theirs, parent);
		maker_run(theirs, parent, lender);
	}
	*ret = pid;
	*ret_fd = take_fd(&ours);
	return 0;
}

static void child_end(pid_t pid) {
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int make_by(int *ret_fd, pid_t lender, int lender_fd) {
	CLEANUP(close_fd) int maker_fd = -1;
	struct stat status;
	char byte;
	pid_t maker;
	int error, fd = -1;
	ssize_t len;

	do {
		len = read(lender_fd, &byte, 1);
	} while (len < 0 && errno == EINTR);
	if (len != 1)
		return -EPERM;
	error = child_start(&maker, &maker_fd, lender);
	if (error < 0)
		return error;
	error = receive_descriptor(&fd, maker_fd);
	child_end(maker);
	if (error < 0)
		return error;
	/* Whoever stopped or traced the lender may have had other ideas. */
	if (fstat(fd, &status) < 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
	    (status.st_mode & 077) != 0) {
		close_fd(&fd);
		return -EPERM;
	}
	*ret_fd = fd;
	return 0;
}

bool platform_user_owns_our_namespace(void) {
	CLEANUP(close_fd) int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct stat status;
	uid_t owner;

	if (fd < 0 || fstat(fd, &status) < 0)
		return true;
	if (status.st_ino == INITIAL_USER_NS_INO)
		return false;
	return ioctl(fd, NS_GET_OWNER_UID, &owner) < 0 || owner == geteuid();
}

/* Nothing changes: whoever has a number may take it once more, and an overflow number is nobody's. */
bool platform_tells_own_user(void) {
	return setresuid((uid_t)-1, geteuid(), (uid_t)-1) == 0;
}

int platform_hidden_directory(int *ret_fd) {
	CLEANUP(close_fd) int lender_fd = -1;
	pid_t lender;
	int error;

	if (platform_user_owns_our_namespace())
		return -EXDEV;
	error = child_start(&lender, &lender_fd, 0);
	if (error < 0)
		return error;
	error = make_by(ret_fd, lender, lender_fd);
	child_end(lender);
	return error;
}

int platform_take_socket(int *ret_fd, char **ret_path, int dir_fd, const char *name) {
	CLEANUP(close_fd) int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	if (unlinkat(dir_fd, name, 0) < 0)
		return -errno;
	if (asprintf(ret_path, "/proc/self/fd/%d", fd) < 0)
		return -ENOMEM;
	*ret_fd = take_fd(&fd);
	return 0;
}

int platform_listen_in(int *ret_fd, int dir_fd, const char *name) {
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (fd < 0)
		return -errno;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd,
	             name) >= (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}
