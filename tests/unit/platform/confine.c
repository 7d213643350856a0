/* What a confined process can still do. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"

enum { DONE = 40, NO_LANDLOCK = 41 };

/* Which of the attempts failed as it should not have; DONE: none. */
static int attempts(const char *own_file) {
	char *const argv[] = {(char[]){"true"}, NULL};
	int error = platform_confine_to_keys();

	if (error == -ENOSYS)
		return NO_LANDLOCK;
	if (error < 0)
		return 1;
	if (open("/dev/null", O_RDWR) < 0)
		return 2;
	if (open("/sys", O_RDONLY | O_DIRECTORY) < 0)
		return 3;
	if (open(own_file, O_RDONLY) >= 0 || errno != EACCES)
		return 4;
	if (open(own_file, O_WRONLY) >= 0 || errno != EACCES)
		return 5;
	if (open("/dev/shm/new", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES)
		return 6;
	if (unlink(own_file) == 0 || errno != EACCES)
		return 7;
	execv("/bin/true", argv);
	return errno == EACCES ? DONE : 8;
}

static void who_speaks_with_security_keys_can_open_devices_and_little_else(void **state) {
	char file[] = "/tmp/confine-XXXXXX";
	int fd = mkstemp(file), status;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(attempts(file));
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fd);
	unlink(file);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	assert_int_equal(WEXITSTATUS(status), DONE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_speaks_with_security_keys_can_open_devices_and_little_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
