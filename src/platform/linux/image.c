/* Memory files: a program's image that nobody can read or change, and no set-id bit adheres to. */
#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3; Debian 12's header is older */
#endif

#define COPY_LEN_MAX ((size_t)1 << 30)
#define IMAGE_MODE   0100
#define OWN_PROGRAM  "/proc/self/exe"

static int memory_file(const char *name) {
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	/* Before 6.3 every memory file was executable, and the flag is unknown. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? (errno == EACCES ? -EPERM : -errno) : fd;
}

static int copy(int to, int from) {
	for (;;) {
		ssize_t len = sendfile(to, from, NULL, COPY_LEN_MAX);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len < 0 ? -errno : 0;
	}
}

/* path may be a link to the program that is meant; name is for people who look at processes. */
static int image_of(int *ret_fd, const char *path, const char *name) {
	CLEANUP(close_fd) int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	CLEANUP(close_fd) int image = -1;
	struct stat status;
	int error;

	if (file < 0 || fstat(file, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & 022) != 0)
		return -EACCES;
	image = memory_file(name);
	if (image < 0)
		return take_fd(&image);
	error = copy(image, file);
	if (error < 0)
		return error;
	if (fchmod(image, IMAGE_MODE) < 0 ||
	    fcntl(image, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_fd = take_fd(&image);
	return 0;
}

int platform_program_image(int *ret_fd, const char *path) {
	const char *slash = strrchr(path, '/');

	return image_of(ret_fd, path, slash != NULL ? slash + 1 : path);
}

int platform_execute(int image_fd, char *const argv[], char *const environment[]) {
	fexecve(image_fd, argv, environment);
	return -errno;
}

/* What puts foreign code or data into a program before its first line: for the dynamic linker, the
 * C library and libcrypto. */
static bool is_foreign_code(const char *entry) {
	static const char *const beginnings[] = {
		"LD_",          "GLIBC_TUNABLES=",  "GCONV_PATH=",      "GETCONF_DIR=",
		"LOCPATH=",     "MALLOC_TRACE=",    "NLSPATH=",         "TZDIR=",
		"OPENSSL_CONF", "OPENSSL_MODULES=", "OPENSSL_ENGINES=",
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(entry, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

static char **clean_environment(void) {
	size_t n = 0, kept = 0;
	char **clean;

	while (environ[n] != NULL)
		n++;
	clean = calloc(n + 1, sizeof(*clean));
	for (size_t i = 0; clean != NULL && i < n; i++)
		if (!is_foreign_code(environ[i]))
			clean[kept++] = environ[i];
	return clean;
}

/* Our own program: a file without a name, that only its owner may execute. */
static bool is_image(void) {
	struct stat status;

	return stat(OWN_PROGRAM, &status) == 0 && status.st_nlink == 0 &&
	       (status.st_mode & 07777) == IMAGE_MODE;
}

int platform_become_image(char *const argv[], const char *name) {
	CLEANUP(close_fd) int image = -1;
	CLEANUP(free_pointer) char **environment = NULL;
	int error;

	if (is_image())
		return prctl(PR_SET_NAME, name) < 0 ? -errno : 0;
	error = image_of(&image, OWN_PROGRAM, name);
	if (error < 0)
		return error;
	environment = clean_environment();
	if (environment == NULL)
		return -ENOMEM;
	return platform_execute(image, argv, environment);
}
