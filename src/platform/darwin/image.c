/* Programs to be executed. There are no memory files, so what is executed is the file itself: it
 * can be held against what it must be, and is not copied. */
#include <crt_externs.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/platform.h"

/* A set-id program would run as somebody else, and could not be ended by us. */
int platform_program_image(int *ret_fd, const char *path) {
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & 022) != 0 ||
	    (status.st_mode & (S_ISUID | S_ISGID)) != 0)
		return -EACCES;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Nothing is executed by its descriptor here. What lies at the path can have been changed by its
 * owner alone, which is root or us. */
int platform_execute(int image_fd, char *const argv[], char *const environment[]) {
	char path[MAXPATHLEN];

	if (fcntl(image_fd, F_GETPATH, path) < 0)
		return -errno;
	execve(path, argv, environment);
	return -errno;
}

/* What puts foreign code or data into a program before its first line: for the dynamic linker, the
 * C library and libcrypto. */
static bool is_foreign_code(const char *entry) {
	static const char *const beginnings[] = {
		"DYLD_",        "Malloc",           "NLSPATH=",         "PATH_LOCALE=",
		"OPENSSL_CONF", "OPENSSL_MODULES=", "OPENSSL_ENGINES=",
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(entry, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* *ret_foreign is how many of them were left out. */
static char **clean_environment(size_t *ret_foreign) {
	char **given = *_NSGetEnviron();
	size_t n = 0, kept = 0;
	char **clean;

	while (given[n] != NULL)
		n++;
	clean = calloc(n + 1, sizeof(*clean));
	for (size_t i = 0; clean != NULL && i < n; i++)
		if (!is_foreign_code(given[i]))
			clean[kept++] = given[i];
	*ret_foreign = n - kept;
	return clean;
}

/* There is no image that nobody can read; but what is in the environment is left out here, too. */
int platform_become_image(char *const argv[], const char *name) {
	CLEANUP(free_pointer) char *program = NULL;
	CLEANUP(free_pointer) char **environment = NULL;
	CLEANUP(close_fd) int image = -1;
	size_t foreign = 0;
	int error;

	(void)name;
	environment = clean_environment(&foreign);
	if (environment == NULL)
		return -ENOMEM;
	if (foreign == 0)
		return 0;
	error = platform_own_program(&program);
	if (error == 0)
		error = platform_program_image(&image, program);
	return error < 0 ? error : platform_execute(image, argv, environment);
}
