/* What this kernel, as it is set up here, has to give. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/far_end.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; Debian 12's header is older */
#endif

static enum tri has_pidfd(void) {
	int pair[2];
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);
	bool has;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return TRI_UNKNOWN;
	has = getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0;
	close(pair[0]);
	close(pair[1]);
	close_fd(&pidfd);
	return has ? TRI_YES : TRI_NO;
}

static enum tri hides_directories(void) {
	int fd = -1;
	bool hides = platform_hidden_directory(&fd) == 0;

	close_fd(&fd);
	return hides ? TRI_YES : TRI_NO;
}

/* Yama, of the kernel's Documentation/admin-guide/LSM. Where it is not there, the kernel's own rule
 * holds, which is what its 0 means. */
static enum tracing tracing(void) {
	CLEANUP(close_fd) int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char scope = '0';

	if (fd < 0)
		return errno == ENOENT ? TRACING_FREE : TRACING_UNKNOWN;
	if (read(fd, &scope, 1) != 1)
		return TRACING_UNKNOWN;
	return scope == '0' ? TRACING_FREE : TRACING_RESTRICTED;
}

void platform_system_facts(struct system_facts *ret) {
	*ret = (struct system_facts){
		.names_writers = TRI_YES,
		.has_pidfd = has_pidfd(),
		.tells_holders = far_ends_are_told(),
		.hides_directories = hides_directories(),
		.tracing = tracing(),
		.landlock_abi = platform_landlock_abi(),
	};
}
