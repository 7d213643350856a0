#include "platform/linux/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/far_end.h"
#include "platform/linux/proc_read.h"
#include "platform/platform.h"

#define UID_MAP_SIZE 1024

/* How the kernel writes the map of a user namespace that maps every uid to itself. Only root of
 * the namespace above can make one, so that none is the work of an unprivileged user. */
#define FULL_UID_MAP "         0          0 4294967295\n"

/* The number of the bit that stands for it. */
static unsigned index_of(enum apart kind) {
	return (unsigned)__builtin_ctz(kind);
}

static struct namespace_id identify_kind(int dir_fd, enum apart kind) {
	struct namespace_id id = {0};
	char path[32];
	ssize_t len;

	snprintf(path, sizeof(path), "ns/%s", apart_name(kind));
	len = readlinkat(dir_fd, path, id.text, sizeof(id.text));
	return len > 0 && (size_t)len < sizeof(id.text) ? id : (struct namespace_id){0};
}

static enum tri compare(const struct view *view, int dir_fd, enum apart kind) {
	struct namespace_id ours = view->own[index_of(kind)];
	struct namespace_id theirs = identify_kind(dir_fd, kind);

	if (ours.text[0] == '\0' || theirs.text[0] == '\0')
		return TRI_UNKNOWN;
	return memcmp(ours.text, theirs.text, sizeof(ours.text)) == 0 ? TRI_YES : TRI_NO;
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
	int error;

	if (self_fd < 0)
		return -errno;
	view = calloc(1, sizeof(*view));
	if (view == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < APART_COUNT; i++)
		view->own[i] = identify_kind(self_fd, (enum apart)(1 << i));
	view->is_our_proc = is_our_proc();
	view->is_initial_user = is_full_uid_map(self_fd);
	error = far_ends_new(&view->far_ends);
	if (error < 0) {
		free(view);
		return error;
	}
	*ret = view;
	return 0;
}

void view_free(struct view *view) {
	if (view == NULL)
		return;
	far_ends_free(view->far_ends);
	free(view);
}

enum tri namespaces_same_mount(const struct view *view, int dir_fd) {
	return compare(view, dir_fd, APART_MNT);
}

/* Of a process that is not dumpable we may read no link, but everybody may read uid_map. It only
 * tells where we ourselves live in the initial namespace. */
enum tri namespaces_same_user(const struct view *view, int dir_fd) {
	enum tri same = compare(view, dir_fd, APART_USER);

	if (same != TRI_UNKNOWN || !view->is_initial_user)
		return same;
	return is_full_uid_map(dir_fd) ? TRI_YES : TRI_NO;
}

/* Everybody may read status, too. A process with a number in more than one namespace was born in
 * one below that of /proc, which is ours. */
enum tri namespaces_same_pid(const struct view *view, int dir_fd) {
	enum tri same = compare(view, dir_fd, APART_PID);
	struct proc_status status;

	if (!view->is_our_proc)
		return TRI_UNKNOWN;
	if (same != TRI_UNKNOWN)
		return same;
	if (proc_read_status(&status, dir_fd) < 0 || status.pid_namespaces == 0)
		return TRI_UNKNOWN;
	return status.pid_namespaces == 1 ? TRI_YES : TRI_NO;
}

static enum tri is_same(const struct view *view, int dir_fd, enum apart kind) {
	switch (kind) {
	case APART_PID: return namespaces_same_pid(view, dir_fd);
	case APART_USER: return namespaces_same_user(view, dir_fd);
	case APART_CGROUP:
	case APART_IPC:
	case APART_MNT:
	case APART_NET:
	case APART_UTS: break;
	}
	return compare(view, dir_fd, kind);
}

void namespaces_compare(unsigned *ret_apart, unsigned *ret_unknown, const struct view *view,
                        int dir_fd) {
	*ret_apart = *ret_unknown = 0;
	for (unsigned i = 0; i < APART_COUNT; i++) {
		enum apart kind = (enum apart)(1 << i);
		enum tri same = is_same(view, dir_fd, kind);

		if (same == TRI_NO)
			*ret_apart |= kind;
		if (same == TRI_UNKNOWN)
			*ret_unknown |= kind;
	}
}
