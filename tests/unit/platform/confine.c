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

/* An image is run, and its library found; the user's files are as closed as above. */
static int attempts_of_programs(const char *own_file) {
	char *const argv[] = {(char[]){"true"}, NULL}, *const environment[] = {NULL};
	int image = -1, status, error;
	pid_t child;

	if (platform_program_image(&image, "/bin/true") < 0)
		return 1;
	error = platform_confine_to_key_programs();
	if (error == -ENOSYS)
		return NO_LANDLOCK;
	if (error < 0)
		return 2;
	if (open(own_file, O_RDONLY) >= 0 || errno != EACCES)
		return 3;
	if (open("/dev/null", O_RDWR) < 0)
		return 4;
	execv("/bin/true", argv);
	if (errno != EACCES)
		return 5;
	child = fork();
	if (child == 0) {
		platform_execute(image, argv, environment);
		_exit(1);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return 6;
	return DONE;
}

static void check(int (*tried)(const char *own_file)) {
	char file[] = "/tmp/confine-XXXXXX";
	int fd = mkstemp(file), status;
	pid_t child;

	assert_true(fd >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(tried(file));
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fd);
	unlink(file);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	assert_int_equal(WEXITSTATUS(status), DONE);
}

static void who_speaks_with_security_keys_can_open_devices_and_little_else(void **state) {
	(void)state;
	check(attempts);
}

static void who_has_programs_speak_with_keys_can_run_what_it_has_read(void **state) {
	(void)state;
	check(attempts_of_programs);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_speaks_with_security_keys_can_open_devices_and_little_else),
		cmocka_unit_test(who_has_programs_speak_with_keys_can_run_what_it_has_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
