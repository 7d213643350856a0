/* A process that can do little harm, by Landlock. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/platform.h"

/* Debian 12's header is older than its users' kernels. */
struct ruleset {
	uint64_t files;
	uint64_t network; /* from ABI 4 on */
	uint64_t scopes;  /* from ABI 6 on */
};

#define READ          (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN           (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define IOCTL_DEVICES (UINT64_C(1) << 15) /* from ABI 5 on */
#define RESOLVE_UNIX  (UINT64_C(1) << 16) /* from ABI 9 on */
#define REFER         (UINT64_C(1) << 13) /* from ABI 2 on */
#define TRUNCATE      (UINT64_C(1) << 14) /* from ABI 3 on */
#define RUN_FILE      (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define WRITE         (LANDLOCK_ACCESS_FS_WRITE_FILE)
#define FILE_RIGHTS   (RUN_FILE | WRITE | TRUNCATE | IOCTL_DEVICES | RESOLVE_UNIX)
#define SCOPE_SIGNAL  2 /* from ABI 6 on */

/* All that the kernel can deny, but connecting to sockets. */
static struct ruleset ruleset_of(int abi) {
	const uint64_t first = (1U << 13) - 1;
	struct ruleset ruleset = {.files = first};

	if (abi >= 2)
		ruleset.files |= REFER;
	if (abi >= 3)
		ruleset.files |= TRUNCATE;
	if (abi >= 4)
		ruleset.network = 3; /* bind, and connect, of TCP */
	if (abi >= 5)
		ruleset.files |= IOCTL_DEVICES;
	if (abi >= 6)
		ruleset.scopes = 3; /* abstract sockets, and signals */
	return ruleset;
}

static size_t size_of(int abi) {
	return (abi >= 6 ? 3 : abi >= 4 ? 2 : 1) * sizeof(uint64_t);
}

/* What is not there need not be allowed. Of rights on a file, those that only directories have are
 * left out: the kernel would take none of them. */
static int allow(int ruleset_fd, const char *path, uint64_t access) {
	CLEANUP(close_fd) int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
	struct stat status;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= FILE_RIGHTS;
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

static int create(int *ret_fd, int abi, const struct ruleset *ruleset) {
	int fd = (int)syscall(SYS_landlock_create_ruleset, ruleset, size_of(abi), 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int platform_landlock_abi(void) {
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static int begin(int *ret_fd, int *ret_abi) {
	struct ruleset ruleset;

	*ret_abi = platform_landlock_abi();
	if (*ret_abi < 1)
		return -ENOSYS;
	ruleset = ruleset_of(*ret_abi);
	return create(ret_fd, *ret_abi, &ruleset);
}

static int enforce(int ruleset_fd) {
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
		return -errno;
	return 0;
}

int platform_confine_to(const char *program) {
	CLEANUP(close_fd) int fd = -1;
	int abi;
	int error = begin(&fd, &abi);

	if (error == 0)
		error = allow_libraries(fd);
	if (error == 0)
		error = allow(fd, "/usr/share", READ);
	if (error == 0)
		error = allow(fd, "/etc", READ);
	if (error == 0)
		error = allow(fd, program, RUN_FILE);
	return error < 0 ? error : enforce(fd);
}

/* A key that is plugged in later has a node that is not there yet, so all of /dev it is; what udev
 * knows of it is below /run/udev, and libcrypto may look for its configuration. */
static int allow_keys(int fd, int abi) {
	uint64_t devices = READ | LANDLOCK_ACCESS_FS_WRITE_FILE;
	int error;

	if (abi >= 5)
		devices |= IOCTL_DEVICES;
	error = allow(fd, "/dev", devices);
	if (error == 0)
		error = allow(fd, "/sys", READ);
	if (error == 0)
		error = allow(fd, "/run/udev", READ);
	return error < 0 ? error : allow(fd, "/etc/ssl", READ);
}

int platform_confine_to_keys(void) {
	CLEANUP(close_fd) int fd = -1;
	int abi;
	int error = begin(&fd, &abi);

	if (error == 0)
		error = allow_keys(fd, abi);
	return error < 0 ? error : enforce(fd);
}

/* An image is on no file system that has a path, so it needs no leave. */
int platform_confine_to_key_programs(void) {
	CLEANUP(close_fd) int fd = -1;
	int abi;
	int error = begin(&fd, &abi);

	if (error == 0)
		error = allow_keys(fd, abi);
	if (error == 0)
		error = allow_libraries(fd);
	if (error == 0)
		error = allow(fd, "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE);
	return error < 0 ? error : enforce(fd);
}

/* Without REFER nothing could be moved from one directory to another, so ABI 1 has none of it. */
static uint64_t changes_of(int abi) {
	if (abi < 2)
		return 0;
	return LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	       LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	       LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	       LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	       LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | REFER |
	       (abi >= 3 ? TRUNCATE : 0);
}

static int allow_all(int ruleset_fd, const char *const *paths, size_t n_paths, uint64_t access) {
	int error = 0;

	for (size_t i = 0; error == 0 && access != 0 && i < n_paths; i++)
		error = allow(ruleset_fd, paths[i], access);
	return error;
}

int platform_confine_sandbox(const struct platform_sandbox *sandbox) {
	/* Terminals and the like, and a process's own settings. */
	static const char *const devices[] = {"/dev", "/proc"};
	int abi = platform_landlock_abi();
	uint64_t changes = changes_of(abi), writes = LANDLOCK_ACCESS_FS_WRITE_FILE;
	uint64_t sockets = abi >= LANDLOCK_ABI_SOCKETS ? RESOLVE_UNIX : 0;
	const struct ruleset ruleset = {.files = changes | sockets,
	                                .scopes = abi >= LANDLOCK_ABI_SCOPES ? 3 : 0};
	CLEANUP(close_fd) int fd = -1;
	int error;

	if (abi < 2)
		return -ENOSYS;
	writes |= changes & TRUNCATE;
	error = create(&fd, abi, &ruleset);
	if (error == 0)
		error = allow_all(fd, sandbox->writable, sandbox->n_writable, changes);
	if (error == 0)
		error = allow_all(fd, devices, sizeof(devices) / sizeof(devices[0]), writes);
	if (error == 0)
		error = allow_all(fd, sandbox->sockets, sandbox->n_sockets, sockets);
	return error < 0 ? error : enforce(fd);
}

/* Where the user has put something else than what is expected, it is not reached; no reason to show
 * no window. */
static void allow_present(int ruleset_fd, const char *const *paths, size_t n_paths,
                          uint64_t access) {
	for (size_t i = 0; access != 0 && i < n_paths; i++)
		(void)allow(ruleset_fd, paths[i], access);
}

#define ALLOW_PRESENT(ruleset_fd, paths, access) \
	allow_present(ruleset_fd, paths, sizeof(paths) / sizeof((paths)[0]), access)

static void allow_system(int ruleset_fd, uint64_t devices, uint64_t sockets) {
	static const char *const programs[] = {
		"/bin",
		"/gnu/store",
		"/lib",
		"/lib32",
		"/lib64",
		"/nix/store",
		"/opt",
		"/run/current-system",
		"/run/opengl-driver",
		"/sbin",
		"/usr",
	};
	static const char *const texts[] = {
		"/etc", "/proc", "/run/udev", "/sys", "/var/cache/fontconfig", "/var/lib/sss/mc",
	};
	/* A window is drawn by what is below /dev/dri, or by NVIDIA's own. */
	static const char *const nodes[] = {
		"/dev/dri",     "/dev/full",      "/dev/null",   "/dev/nvidia-modeset",
		"/dev/nvidia0", "/dev/nvidiactl", "/dev/random", "/dev/urandom",
		"/dev/zero",
	};
	static const char *const names[] = {"/run/nscd", "/run/systemd/userdb",
	                                    "/var/lib/sss/pipes"};

	ALLOW_PRESENT(ruleset_fd, programs, RUN);
	ALLOW_PRESENT(ruleset_fd, texts, READ);
	ALLOW_PRESENT(ruleset_fd, nodes, devices);
	ALLOW_PRESENT(ruleset_fd, names, sockets);
}

int platform_confine_window(const struct platform_window *window) {
	int abi = platform_landlock_abi();
	struct ruleset ruleset = ruleset_of(abi);
	uint64_t sockets = abi >= LANDLOCK_ABI_SOCKETS ? RESOLVE_UNIX : 0;
	CLEANUP(close_fd) int fd = -1;
	int error;

	if (abi < 1)
		return -ENOSYS;
	ruleset.files |= sockets;
	if (window->is_remote)
		ruleset.network = 0;
	/* Clients of X11 try the abstract socket first, and take a refusal there for the last word.
	 */
	if (ruleset.scopes != 0)
		ruleset.scopes = SCOPE_SIGNAL;
	error = create(&fd, abi, &ruleset);
	if (error < 0)
		return error;
	allow_system(fd, READ | WRITE | (ruleset.files & IOCTL_DEVICES), sockets);
	allow_present(fd, window->programs, window->n_programs, RUN);
	allow_present(fd, window->readable, window->n_readable, READ);
	allow_present(fd, window->sockets, window->n_sockets, sockets);
	return enforce(fd);
}
