/* What a confined program that asks in a window can still do. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confirm/window.h"
#include "platform/platform.h"

#define PATH_SIZE 128

struct home {
	char path[32];
};

static struct home make_home(void) {
	struct home home = {"/tmp/window-XXXXXX"};

	assert_non_null(mkdtemp(home.path));
	return home;
}

static void path_in(char ret[PATH_SIZE], const struct home *home, const char *name) {
	snprintf(ret, PATH_SIZE, "%s/%s", home->path, name);
}

static void make_file(const struct home *home, const char *directory, const char *name) {
	char path[PATH_SIZE];
	int fd;

	path_in(path, home, directory);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	path_in(path, home, name);
	fd = open(path, O_WRONLY | O_CREAT, 0700);
	assert_true(fd >= 0);
	close(fd);
}

static void remove_home(const struct home *home) {
	char command[PATH_SIZE];

	snprintf(command, sizeof(command), "rm -rf %s", home->path);
	assert_int_equal(system(command), 0);
}

/* errno of the attempt by a confined child; 0: it succeeded. */
static int reads(const struct home *home, const char *program, const char *name) {
	char path[PATH_SIZE], program_path[PATH_SIZE];
	pid_t child = fork();
	int status;

	path_in(path, home, name);
	path_in(program_path, home, program);
	if (child == 0) {
		setenv("HOME", home->path, 1);
		if (window_confine(program_path) < 0)
			_exit(255);
		_exit(open(path, O_RDONLY) >= 0 ? 0 : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int binds_tcp(const char *display) {
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	pid_t child = fork();
	int status;

	if (child == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		setenv("DISPLAY", display, 1);
		if (window_confine("/bin/true") < 0)
			_exit(255);
		_exit(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0
		                                                                        : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int setup(void **state) {
	(void)state;
	if (platform_landlock_abi() == 0)
		skip();
	return 0;
}

static void what_lies_beside_it_is_read_in_a_bin_alone(void **state) {
	struct home home = make_home();

	setup(state);
	make_file(&home, "bin", "bin/askpass");
	make_file(&home, "bin", "bin/other");
	make_file(&home, ".ssh", ".ssh/askpass");
	make_file(&home, ".ssh", ".ssh/id");
	make_file(&home, "", "askpass");
	assert_int_equal(reads(&home, "bin/askpass", "bin/askpass"), 0);
	assert_int_equal(reads(&home, "bin/askpass", "bin/other"), 0);
	assert_int_equal(reads(&home, "bin/askpass", "askpass"), EACCES);
	assert_int_equal(reads(&home, ".ssh/askpass", ".ssh/askpass"), 0);
	assert_int_equal(reads(&home, ".ssh/askpass", ".ssh/id"), EACCES);
	assert_int_equal(reads(&home, "askpass", "askpass"), 0);
	assert_int_equal(reads(&home, "askpass", ".ssh/id"), EACCES);
	remove_home(&home);
}

static void settings_of_other_programs_are_not_read(void **state) {
	struct home home = make_home();

	setup(state);
	make_file(&home, ".config", ".config/secret");
	make_file(&home, ".config/gtk-3.0", ".config/gtk-3.0/gtk.css");
	assert_int_equal(reads(&home, "askpass", ".config/secret"), EACCES);
	assert_int_equal(reads(&home, "askpass", ".config/gtk-3.0/gtk.css"), 0);
	remove_home(&home);
}

static void only_a_display_elsewhere_gets_tcp(void **state) {
	setup(state);
	if (platform_landlock_abi() < 4)
		skip();
	assert_int_equal(binds_tcp(":0"), EACCES);
	assert_int_equal(binds_tcp("unix:0"), EACCES);
	assert_int_equal(binds_tcp("localhost:10.0"), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_beside_it_is_read_in_a_bin_alone),
		cmocka_unit_test(settings_of_other_programs_are_not_read),
		cmocka_unit_test(only_a_display_elsewhere_gets_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
