#include "platform/darwin/lookup.h"

#include <errno.h>
#include <libproc.h>
#include <sys/sysctl.h>

/* Of proc_info_private.h, which Apple publishes with its kernel and not with its headers. The
 * number has been there since 10.7; where it should go, no caller is identified any more. */
#define PIDUNIQIDENTIFIERINFO 17

/* libproc returns how much it has written, or 0 and errno. */
static int read_info(struct bytes *ret, pid_t pid, int flavor, void *buffer, size_t size) {
	int len;

	errno = 0;
	len = proc_pidinfo(pid, flavor, 0, buffer, (int)size);
	if (len <= 0)
		return errno != 0 ? -errno : -ESRCH;
	*ret = (struct bytes){buffer, (size_t)len};
	return 0;
}

/* The kernel tells it of processes of every user. Of one that is not there it tells nothing. */
static int read_kinfo(struct darwin_process *ret, pid_t pid) {
	int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
	uint8_t buffer[DARWIN_KINFO_SIZE];
	size_t len = sizeof(buffer);

	if (sysctl(name, sizeof(name) / sizeof(name[0]), buffer, &len, NULL, 0) < 0)
		return -errno;
	return len == 0 ? -ESRCH : darwin_kinfo_parse(ret, (struct bytes){buffer, len});
}

int lookup_process(struct darwin_process *ret, pid_t pid) {
	uint8_t buffer[DARWIN_BSDINFO_SIZE];
	struct darwin_process process;
	struct bytes info;
	int error = read_info(&info, pid, PROC_PIDTBSDINFO, buffer, sizeof(buffer));

	if (error == 0)
		error = darwin_bsdinfo_parse(&process, info);
	else
		error = read_kinfo(&process, pid);
	if (error < 0)
		return error;
	if (process.ends || process.pid != pid)
		return -ESRCH;
	*ret = process;
	return 0;
}

int lookup_version(uint32_t *ret, pid_t pid) {
	uint8_t buffer[DARWIN_IDENTIFIER_SIZE];
	struct bytes info;
	int error = read_info(&info, pid, PIDUNIQIDENTIFIERINFO, buffer, sizeof(buffer));

	return error < 0 ? error : darwin_version_parse(ret, info);
}

int lookup_executable(char ret[static MAXPATHLEN], pid_t pid) {
	errno = 0;
	if (proc_pidpath(pid, ret, MAXPATHLEN) <= 0)
		return errno != 0 ? -errno : -ESRCH;
	ret[MAXPATHLEN - 1] = '\0';
	return ret[0] == '/' ? 0 : -ENOENT;
}

/* Where the buffer is too small, the kernel gives the end and not the beginning, and does not say
 * so. So there must be room left over. */
int lookup_arguments(struct buffer *buffer, pid_t pid, size_t len_max) {
	const size_t size = len_max + 1;
	CLEANUP(free_pointer) uint8_t *arguments = malloc(size);
	int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
	size_t len = size;

	if (arguments == NULL)
		return -ENOMEM;
	/* It says "invalid" of processes that are gone, and of those of others. */
	if (sysctl(name, sizeof(name) / sizeof(name[0]), arguments, &len, NULL, 0) < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	if (len >= size)
		return -E2BIG;
	buffer_put_raw(buffer, (struct bytes){arguments, len});
	return buffer_error(buffer);
}

int lookup_socket(struct darwin_socket *ret, pid_t pid, int fd) {
	uint8_t buffer[DARWIN_SOCKET_SIZE];
	int len;

	errno = 0;
	len = proc_pidfdinfo(pid, fd, PROC_PIDFDSOCKETINFO, buffer, (int)sizeof(buffer));
	if (len <= 0)
		return errno != 0 ? -errno : -ESRCH;
	return darwin_socket_parse(ret, (struct bytes){buffer, (size_t)len});
}

int lookup_directories(uint8_t ret[static DARWIN_DIRECTORIES_SIZE], pid_t pid) {
	struct bytes info;
	int error = read_info(&info, pid, PROC_PIDVNODEPATHINFO, ret, DARWIN_DIRECTORIES_SIZE);

	if (error < 0)
		return error;
	return info.len == DARWIN_DIRECTORIES_SIZE ? 0 : -EBADMSG;
}
