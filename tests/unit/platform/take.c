/* What can be taken of a process, tried at children that let it happen, and at one that does not.
 */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "children.h"
#include "platform/platform.h"

#define NOBODY 65534

/* A child that is as it was made, or closed to tracing. */
static pid_t child_new(bool closed) {
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	pid = fork_child();
	if (pid == 0) {
		if (prctl(PR_SET_DUMPABLE, !closed) < 0)
			_exit(1);
		tell(ends[1]);
		wait_forever();
	}
	if (!is_told(ends[0]))
		pid = -1;
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void child_end(pid_t pid) {
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void an_ordinary_process_can_be_taken(void **state) {
	struct keeping keeping = {0};
	pid_t pid = child_new(false);

	(void)state;
	assert_true(pid > 0);
	assert_int_equal(platform_try_to_take(&keeping, pid), 0);
	assert_non_null(keeping.taken);
	child_end(pid);
}

static _Noreturn void try_as_nobody(void) {
	struct keeping open = {0}, closed = {0};

	/* Who is root is refused nothing. */
	if (geteuid() == 0 &&
	    (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		_exit(2);
	prctl(PR_SET_DUMPABLE, 1);
	if (platform_try_to_take(&open, child_new(false)) < 0 ||
	    platform_try_to_take(&closed, child_new(true)) < 0)
		_exit(3);
	_exit(open.taken != NULL && closed.taken == NULL ? 0 : 4);
}

static void of_a_closed_one_nothing_can_be_taken(void **state) {
	pid_t pid = fork_child();
	int status = 0;

	(void)state;
	if (pid == 0)
		try_as_nobody();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void whether_calls_are_filtered_is_told(void **state) {
	struct keeping keeping = {.filters_calls = true};
	pid_t pid = child_new(false);
	int ends[2];

	(void)state;
	assert_int_equal(platform_try_to_take(&keeping, pid), 0);
	child_end(pid);
	/* The test's own runner may have one, too; a child of ours has what we have, or more. */
	assert_int_equal(pipe(ends), 0);
	pid = fork_child();
	if (pid == 0) {
		if (platform_forbid_calls() < 0)
			_exit(1);
		tell(ends[1]);
		wait_forever();
	}
	close(ends[1]);
	if (is_told(ends[0])) { /* else this system filters none */
		assert_int_equal(platform_try_to_take(&keeping, pid), 0);
		assert_true(keeping.filters_calls);
		assert_true(keeping.no_new_privileges);
	}
	close(ends[0]);
	child_end(pid);
}

static void one_that_is_gone_is_no_process(void **state) {
	struct keeping keeping = {.taken = "as before"};
	pid_t pid = child_new(false);

	(void)state;
	child_end(pid);
	assert_int_equal(platform_try_to_take(&keeping, pid), -ESRCH);
	assert_string_equal(keeping.taken, "as before");
}

static void a_child_is_found_by_its_first_argument(void **state) {
	const struct timespec again = {.tv_nsec = 1000 * 1000L};
	pid_t pid = fork_child(), found = 0;

	(void)state;
	if (pid == 0) {
		execl("/bin/sleep", "so it is called", "1000", (char *)NULL);
		_exit(1);
	}
	while (platform_child_called(&found, getpid(), "so it is called") < 0 &&
	       waitpid(pid, NULL, WNOHANG) == 0)
		nanosleep(&again, NULL);
	assert_int_equal(found, pid);
	assert_int_equal(platform_child_called(&found, getpid(), "so it is"), -ESRCH);
	assert_int_equal(platform_child_called(&found, pid, "so it is called"), -ESRCH);
	assert_int_equal(found, pid);
	child_end(pid);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_process_can_be_taken),
		cmocka_unit_test(of_a_closed_one_nothing_can_be_taken),
		cmocka_unit_test(whether_calls_are_filtered_is_told),
		cmocka_unit_test(one_that_is_gone_is_no_process),
		cmocka_unit_test(a_child_is_found_by_its_first_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
