#include "platform/linux/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/proc_read.h"
#include "platform/platform.h"

#define UID_MAP_SIZE 1024

/* How the kernel writes the map of a user namespace that maps every uid to itself. Only root of
 * the namespace above can make one, so that none is the work of an unprivileged user. */
#define FULL_UID_MAP "         0          0 4294967295\n"

static struct namespace_id identify(int dir_fd, const char *name) {
	struct stat status;

	if (fstatat(dir_fd, name, &status, 0) < 0)
		return (struct namespace_id){0};
	return (struct namespace_id){status.st_dev, status.st_ino};
}

static enum tri compare(struct namespace_id a, struct namespace_id b) {
	if (a.inode == 0 || b.inode == 0)
		return TRI_UNKNOWN;
	return a.device == b.device && a.inode == b.inode ? TRI_YES : TRI_NO;
}

static bool is_full_uid_map(int dir_fd) {
	char buffer[UID_MAP_SIZE];
	struct bytes map;

	return proc_read(&map, dir_fd, "uid_map", buffer, sizeof(buffer)) == 0 &&
	       bytes_equal_text(map, FULL_UID_MAP);
}

static bool is_our_proc(void) {
	char link[32], own[32];
	ssize_t len = readlink("/proc/self", link, sizeof(link) - 1);

	if (len < 0)
		return false;
	link[len] = '\0';
	snprintf(own, sizeof(own), "%ld", (long)getpid());
	return strcmp(link, own) == 0;
}

int view_new(struct view **ret) {
	CLEANUP(close_fd) int self_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct view *view;

	if (self_fd < 0)
		return -errno;
	view = calloc(1, sizeof(*view));
	if (view == NULL)
		return -ENOMEM;
	view->pid = identify(self_fd, "ns/pid");
	view->user = identify(self_fd, "ns/user");
	view->mount = identify(self_fd, "ns/mnt");
	view->is_our_proc = is_our_proc();
	view->is_initial_user = is_full_uid_map(self_fd);
	view->diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	*ret = view;
	return 0;
}

void view_free(struct view *view) {
	if (view == NULL)
		return;
	close_fd(&view->diag_fd);
	free(view);
}

enum tri namespaces_same_mount(const struct view *view, int dir_fd) {
	return compare(view->mount, identify(dir_fd, "ns/mnt"));
}

/* Of a process that is not dumpable we may read no link, but everybody may read uid_map. It only
 * tells where we ourselves live in the initial namespace. */
enum tri namespaces_same_user(const struct view *view, int dir_fd) {
	enum tri same = compare(view->user, identify(dir_fd, "ns/user"));

	if (same != TRI_UNKNOWN || !view->is_initial_user)
		return same;
	return is_full_uid_map(dir_fd) ? TRI_YES : TRI_NO;
}

/* Everybody may read status, too. A process with a number in more than one namespace was born in
 * one below that of /proc, which is ours. */
enum tri namespaces_same_pid(const struct view *view, int dir_fd) {
	enum tri same = compare(view->pid, identify(dir_fd, "ns/pid"));
	struct proc_status status;

	if (!view->is_our_proc)
		return TRI_UNKNOWN;
	if (same != TRI_UNKNOWN)
		return same;
	if (proc_read_status(&status, dir_fd) < 0 || status.pid_namespaces == 0)
		return TRI_UNKNOWN;
	return status.pid_namespaces == 1 ? TRI_YES : TRI_NO;
}
