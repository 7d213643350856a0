/* What hides an agent's socket on Linux has no like here: no file system is mounted nowhere, and
 * nothing is connected to by its descriptor. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "platform/platform.h"

int platform_hidden_directory(int *ret_fd) {
	(void)ret_fd;
	return -ENOSYS;
}

int platform_take_socket(int *ret_fd, char **ret_path, int dir_fd, const char *name) {
	(void)ret_fd, (void)ret_path, (void)dir_fd, (void)name;
	return -ENOSYS;
}

/* Where the directory is by now: there is nothing else to bind by. */
int platform_listen_in(int *ret_fd, int dir_fd, const char *name) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(free_pointer) char *directory = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error = platform_path_of(&directory, dir_fd);

	if (error == 0)
		error = platform_socket(&fd, true);
	if (error < 0)
		return error;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* There are no namespaces. */
bool platform_user_owns_our_namespace(void) {
	return false;
}

bool platform_tells_own_user(void) {
	return true;
}

/* There is no Landlock, and Apple's sandbox takes a profile that it documents for nobody else. */
int platform_confine_to(const char *program) {
	(void)program;
	return -ENOSYS;
}

int platform_confine_to_keys(void) {
	return -ENOSYS;
}

int platform_confine_to_key_programs(void) {
	return -ENOSYS;
}

int platform_confine_sandbox(const struct platform_sandbox *sandbox) {
	(void)sandbox;
	return -ENOSYS;
}

int platform_confine_window(const struct platform_window *window) {
	(void)window;
	return -ENOSYS;
}

int platform_landlock_abi(void) {
	return 0;
}

/* A program needs root, or a right that Apple signs for, to look into others; but which of them
 * were signed so that others may (get-task-allow) nobody can tell from here. */
void platform_system_facts(struct system_facts *ret) {
	*ret = (struct system_facts){
		.names_writers = TRI_NO,
		.has_pidfd = TRI_NO,
		.hides_directories = TRI_NO,
		.tracing = TRACING_UNKNOWN,
		.takes_profiles = true,
	};
}
