#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "children.h"
#include "platform/platform.h"

static void the_runtime_directory_is_the_given_one(void **state) {
	char *path = NULL;

	(void)state;
	setenv("XDG_RUNTIME_DIR", "/somewhere/else", 1);
	assert_int_equal(platform_runtime_directory(&path), 0);
	assert_string_equal(path, "/somewhere/else");
	free(path);
}

static void a_relative_or_missing_one_is_not_believed(void **state) {
	char usual[64], fallback[64];
	struct stat status;
	char *path = NULL;

	(void)state;
	snprintf(usual, sizeof(usual), "/run/user/%u", geteuid());
	snprintf(fallback, sizeof(fallback), "/tmp/ssh-agent-guard-%u", geteuid());
	setenv("XDG_RUNTIME_DIR", "run", 1);
	assert_int_equal(platform_runtime_directory(&path), 0);
	assert_string_equal(path, stat(usual, &status) == 0 ? usual : fallback);
	free(path);
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(platform_runtime_directory(&path), 0);
	assert_string_equal(path, stat(usual, &status) == 0 ? usual : fallback);
	free(path);
}

static void a_hardened_process_dumps_nothing(void **state) {
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		struct rlimit limit;

		if (platform_harden_process() < 0 || prctl(PR_GET_DUMPABLE) != 0)
			_exit(1);
		_exit(getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max != 0);
	}
	assert_int_equal(child_status(pid), 0);
}

/* The grandchild holds the pipe's other end until it dies. */
static void a_child_dies_with_its_parent(void **state) {
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork_child();
	if (pid == 0) {
		pid_t parent = getpid();

		close(ends[0]);
		if (fork() == 0) {
			if (platform_die_with_parent(parent) < 0)
				_exit(1);
			tell(ends[1]);
			wait_forever();
		}
		wait_forever();
	}
	close(ends[1]);
	assert_true(is_told(ends[0]));
	end_child(pid);
	assert_false(is_told(ends[0])); /* the end of the pipe: nobody holds it any more */
	close(ends[0]);
}

static void a_child_of_one_who_is_gone_is_told(void **state) {
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0)
		_exit(platform_die_with_parent(1 << 30) != -ESRCH);
	assert_int_equal(child_status(pid), 0);
}

static void descriptors_are_closed_from_one_on(void **state) {
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		int fd = dup(STDERR_FILENO);

		_exit(platform_close_from(3) < 0 || close(fd) == 0 || close(STDERR_FILENO) < 0);
	}
	assert_int_equal(child_status(pid), 0);
}

static bool map_own_user(uid_t uid) {
	int fd = open("/proc/self/uid_map", O_WRONLY);
	char line[64];
	int len = snprintf(line, sizeof(line), "%u %u 1\n", uid, uid);
	bool written = fd >= 0 && write(fd, line, (size_t)len) == len;

	close(fd);
	return written;
}

static void one_that_has_no_number_in_its_namespace_cannot_be_told_from_others(void **state) {
	pid_t pid = fork_child();
	int status;

	(void)state;
	if (pid == 0) {
		uid_t uid = geteuid();

		if (!platform_tells_own_user())
			_exit(1);
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		if (platform_tells_own_user() || geteuid() == uid)
			_exit(2);
		if (!map_own_user(uid))
			_exit(3);
		_exit(platform_tells_own_user() && geteuid() == uid ? 0 : 4);
	}
	status = child_status(pid);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_runtime_directory_is_the_given_one),
		cmocka_unit_test(a_relative_or_missing_one_is_not_believed),
		cmocka_unit_test(a_hardened_process_dumps_nothing),
		cmocka_unit_test(a_child_dies_with_its_parent),
		cmocka_unit_test(a_child_of_one_who_is_gone_is_told),
		cmocka_unit_test(descriptors_are_closed_from_one_on),
		cmocka_unit_test(
			one_that_has_no_number_in_its_namespace_cannot_be_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
