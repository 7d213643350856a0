/* A process that can do little harm, by Landlock. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/platform.h"

/* Debian 12's header is older than its users' kernels. */
struct ruleset {
	uint64_t files;
	uint64_t network; /* from ABI 4 on */
	uint64_t scopes;  /* from ABI 6 on */
};

#define READ     (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN      (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define RUN_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

/* All that the kernel can deny, but connecting to sockets. */
static struct ruleset ruleset_of(long abi) {
	const uint64_t first = (1U << 13) - 1, refer = 1U << 13, truncate = 1U << 14,
		       devices = 1U << 15;
	struct ruleset ruleset = {.files = first};

	if (abi >= 2)
		ruleset.files |= refer;
	if (abi >= 3)
		ruleset.files |= truncate;
	if (abi >= 4)
		ruleset.network = 3; /* bind, and connect, of TCP */
	if (abi >= 5)
		ruleset.files |= devices;
	if (abi >= 6)
		ruleset.scopes = 3; /* abstract sockets, and signals */
	return ruleset;
}

static size_t size_of(long abi) {
	return (abi >= 6 ? 3 : abi >= 4 ? 2 : 1) * sizeof(uint64_t);
}

/* What is not there need not be allowed. */
static int allow(int ruleset_fd, const char *path, uint64_t access) {
	CLEANUP(close_fd) int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
	               ? -errno
	               : 0;
}

/* Libraries, and the loader with them, which is run. */
static int allow_libraries(int ruleset_fd) {
	static const char *const directories[] = {"/lib",       "/lib64",     "/usr/lib",
	                                          "/usr/lib64", "/nix/store", "/gnu/store"};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(directories) / sizeof(directories[0]); i++)
		error = allow(ruleset_fd, directories[i], RUN);
	return error;
}

int platform_confine_to(const char *program) {
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset = ruleset_of(abi);
	CLEANUP(close_fd) int fd = -1;
	int error;

	if (abi < 1)
		return -ENOSYS;
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size_of(abi), 0);
	if (fd < 0)
		return -errno;
	error = allow_libraries(fd);
	if (error == 0)
		error = allow(fd, "/usr/share", READ);
	if (error == 0)
		error = allow(fd, "/etc", READ);
	if (error == 0)
		error = allow(fd, program, RUN_FILE);
	if (error < 0)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}
